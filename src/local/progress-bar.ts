import type { Client, JobEvent } from '../client/client.ts';

/**
 * Shows a job's events as a progress bar (stage, files, rate) until it ends.
 * @throws JobError when the job failed or was cancelled, with its reason.
 */
export async function followJob(api: Client, jobId: string): Promise<void> {
  const bar = new ProgressBar();
  bar.end(await api.waitForJob(jobId, (event) => bar.show(event)));
}

/** One line that redraws itself on a terminal; a line a stage elsewhere. */
class ProgressBar {
  private readonly started = performance.now();
  private readonly live = process.stdout.isTTY;
  private stage = '';

  show({ payload }: JobEvent): void {
    const { stage = '', progress = 0, filesProcessed = 0, filesTotal = 0, message = '' } = payload;
    if (!this.live) {
      if (stage !== this.stage) console.log(`  ${stage.padEnd(17)} ${message}`);
      this.stage = stage;
      return;
    }
    const filled = Math.round(progress / 5);
    const seconds = (performance.now() - this.started) / 1000;
    const rate = filesProcessed > 0 ? `${Math.round(filesProcessed / seconds)} files/s` : '';
    const files = filesTotal > 0 ? `${filesProcessed}/${filesTotal} files` : message;
    const bar = '█'.repeat(filled) + '░'.repeat(20 - filled);
    process.stdout.write(
      `\r\x1b[2K  ${bar} ${String(Math.round(progress)).padStart(3)} %  ${stage}  ${files}  ${rate}`.slice(
        0,
        120,
      ),
    );
  }

  end({ type, payload }: JobEvent): void {
    const seconds = ((performance.now() - this.started) / 1000).toFixed(1);
    const { filesIndexed, filesSkipped } = payload.result ?? {};
    // A mirror job indexes nothing, and then the counts would only puzzle.
    const files = filesIndexed ? `: ${filesIndexed} files indexed, ${filesSkipped ?? 0} skipped` : '';
    if (this.live) process.stdout.write('\r\x1b[2K');
    console.log(`  ${type.replace('job.', '')} in ${seconds} s${files}`);
  }
}
