import { type Step, stepMessage } from '../../pipeline.ts';
import type { Services } from '../../services.ts';
import type { BatchParser } from '../indexing/parser.ts';
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
  parser: BatchParser,
  batch: MessageBatch,
  context: Pick<ExecutionContext, 'waitUntil'>,
  quietMs = QUIET_MS,
): Promise<void> {
  const messages = batch.messages.values();
  const lane = async () => {
    for (const message of messages) await consumeStep(message);
  };
  const consumeStep = async (message: Message) => {
    const parsed = stepMessage.safeParse(message.body);
    if (!parsed.success) {
      s.log.error('unknown queue message', { queue: batch.queue, id: message.id });
      return message.retry();
    }
    const { step, jobId } = parsed.data;
    const failed = (error: unknown) =>
      s.log.error('step failed', { step, jobId, attempt: message.attempts, error });
    const release = (rest: Promise<void>) => context.waitUntil(rest.catch(failed));
    try {
      const run = (heard?: () => void) => runStep(s, parser, parsed.data, heard);
      await (FETCHING.has(step) ? runOrRelease(run, s.clock, quietMs, release) : run());
      message.ack();
    } catch (error) {
      failed(error);
      message.retry();
    }
  };
  await Promise.all(Array.from({ length: parser.lanes }, lane));
}

/** Resolves when the step is dealt with, or when it is quiet and was handed to `release`. */
async function runOrRelease(
  start: (heard: () => void) => Promise<void>,
  clock: () => Date,
  quietMs: number,
  release: (rest: Promise<void>) => void,
): Promise<void> {
  let heardAt = clock().getTime();
  const run = start(() => {
    heardAt = clock().getTime();
  });
  let timer: ReturnType<typeof setInterval> | undefined;
  const quiet = new Promise<'quiet'>((resolve) => {
    timer = setInterval(() => {
      if (clock().getTime() - heardAt >= quietMs && beside < MAX_BESIDE) resolve('quiet');
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
