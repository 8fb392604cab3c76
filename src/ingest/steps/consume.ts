import { type Step, stepMessage } from '../../pipeline.ts';
import type { Services } from '../../services.ts';
import type { BatchParser } from '../indexing/parser.ts';
import { type Heard, runStep } from './run.ts';

/** Steps that wait for a remote. */
const FETCHING: ReadonlySet<Step> = new Set(['mirror', 'plan']);
/** Without a sign of progress for this long, a fetching step gives its place in the queue free. */
const QUIET_MS = 500;
/** Of a pack, less than this in that time is no progress: a drip is as slow as a stall. */
const LOUD_BYTES = 16 * 1024;
/** What the steps beside the queue may hold in one isolate: a pack's buffers, which a remote that sent little has not filled. */
const MAX_BESIDE_BYTES = 72 * 1024 * 1024;
const TALK_BYTES = 256 * 1024;
const PACK_BYTES = 2.5 * 1024 * 1024;
const MAX_PACK_BYTES = 18 * 1024 * 1024;
let beside = 0;

/** The most a fetching step holds after so many bytes of its pack; null before it has any. */
function heldAfter(received: number | null): number {
  return received === null ? TALK_BYTES : Math.min(PACK_BYTES + 2 * received, MAX_PACK_BYTES);
}

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
      const run = (heard?: Heard) => runStep(s, parser, parsed.data, heard);
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
  start: (heard: Heard) => Promise<void>,
  clock: () => Date,
  quietMs: number,
  release: (rest: Promise<void>) => void,
): Promise<void> {
  let heardAt = clock().getTime();
  let received: number | null = null;
  const run = start(({ bytes }) => {
    if (bytes !== undefined && bytes - (received ?? 0) < LOUD_BYTES) return;
    heardAt = clock().getTime();
    received = bytes ?? received;
  });
  let timer: ReturnType<typeof setInterval> | undefined;
  const quiet = new Promise<'quiet'>((resolve) => {
    timer = setInterval(() => {
      const fits = beside + heldAfter(received) <= MAX_BESIDE_BYTES;
      if (fits && clock().getTime() - heardAt >= quietMs) resolve('quiet');
    }, quietMs / 4);
  });
  try {
    if ((await Promise.race([run, quiet])) !== 'quiet') return;
    const held = heldAfter(received);
    beside += held;
    release(
      run.finally(() => {
        beside -= held;
      }),
    );
  } finally {
    clearInterval(timer);
  }
}
