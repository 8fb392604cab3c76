import { type Step, type StepMessage, stepMessage } from '../../pipeline.ts';
import type { Services } from '../../services.ts';
import { runStep } from './run.ts';

/** Steps that wait for a remote. */
const FETCHING: ReadonlySet<Step> = new Set(['mirror', 'plan']);
/** Without a sign of progress for this long, a fetching step gives its place in the queue free. */
const QUIET_MS = 3_000;
/** Steps that may go on beside the queue in one isolate: each may hold a pack's buffers. */
const MAX_BESIDE = 4;
let beside = 0;

/**
 * Consumes step messages. Acknowledged is only what was dealt with: what fails is delivered again, and what cannot be
 * read as well, so that both end with the dead letters and not in silence.
 *
 * A remote that stalls must not hold up the jobs of others: a queue has few consumers (locally one), and a stall lasts
 * until its timeout. So a step that fetches and hears nothing goes on beside the queue, its message acknowledged; when
 * it ends there by an error, or with its isolate, the job's watchdog sends the step again.
 */
export async function consumeSteps(
  s: Services,
  batch: MessageBatch,
  context: Pick<ExecutionContext, 'waitUntil'>,
  quietMs = QUIET_MS,
): Promise<void> {
  for (const message of batch.messages) {
    const parsed = stepMessage.safeParse(message.body);
    if (!parsed.success) {
      s.log.error('unknown queue message', { queue: batch.queue, id: message.id });
      message.retry();
      continue;
    }
    const { step, jobId } = parsed.data;
    const failed = (error: unknown) =>
      s.log.error('step failed', { step, jobId, attempt: message.attempts, error });
    try {
      await runOrRelease(s, parsed.data, quietMs, (rest) => context.waitUntil(rest.catch(failed)));
      message.ack();
    } catch (error) {
      failed(error);
      message.retry();
    }
  }
}

/** Resolves when the step is dealt with, or when it is quiet and was handed to `release`. */
async function runOrRelease(
  s: Services,
  message: StepMessage,
  quietMs: number,
  release: (rest: Promise<void>) => void,
): Promise<void> {
  if (!FETCHING.has(message.step)) return runStep(s, message);
  let heardAt = s.clock().getTime();
  const run = runStep(s, message, () => {
    heardAt = s.clock().getTime();
  });
  let timer: ReturnType<typeof setInterval> | undefined;
  const quiet = new Promise<'quiet'>((resolve) => {
    timer = setInterval(() => {
      if (s.clock().getTime() - heardAt >= quietMs && beside < MAX_BESIDE) resolve('quiet');
    }, quietMs / 4);
  });
  try {
    if ((await Promise.race([run, quiet])) !== 'quiet') return;
    beside += 1;
    release(
      run.finally(() => {
        beside -= 1;
      }),
    );
  } finally {
    clearInterval(timer);
  }
}
