import { type Api, ApiError } from './api-client.ts';

interface JobEvent {
  type: string;
  seq: number;
  payload: {
    progress?: number;
    stage?: string;
    message?: string;
    filesProcessed?: number;
    filesTotal?: number;
    result?: { filesIndexed?: number; filesSkipped?: number };
    error?: { code: string; message: string };
  };
}

const RECONNECTS = 20;

/**
 * Shows a job's events as a progress bar (stage, files, rate) until it ends; reconnects by `after` when the socket drops.
 * @throws ApiError when the job failed or was cancelled, with its reason.
 */
export async function followJob(api: Api, jobId: string): Promise<void> {
  const bar = new ProgressBar();
  let after: number | undefined;
  for (let attempt = 0; attempt <= RECONNECTS; attempt++) {
    const last = await listen(api, jobId, after, (event) => {
      after = event.seq;
      bar.show(event);
    });
    if (last === null) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    bar.end(last);
    if (last.type === 'job.completed') return;
    const reason = last.payload.error?.message ?? last.type;
    throw new ApiError('job', jobId, 0, reason);
  }
  throw new ApiError('job', jobId, 0, 'its events could not be reached any more');
}

/** @returns the terminal event as soon as it is there, or null when the socket closed without one. */
async function listen(
  api: Api,
  jobId: string,
  after: number | undefined,
  onEvent: (event: JobEvent) => void,
) {
  const socket = await api.jobSocket(jobId, after);
  return new Promise<JobEvent | null>((resolve) => {
    socket.addEventListener('message', (message) => {
      const event = JSON.parse(String(message.data)) as JobEvent;
      if (!['job.completed', 'job.failed', 'job.cancelled'].includes(event.type)) return onEvent(event);
      resolve(event);
      socket.close();
    });
    socket.addEventListener('close', () => resolve(null)); // follows an error too
  });
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
