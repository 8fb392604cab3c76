import { stepMessage } from '../../pipeline.ts';
import type { Services } from '../../services.ts';
import { runStep } from './run.ts';

/**
 * Consumes step messages. Acknowledged is only what was dealt with: what fails is delivered again, and what cannot be
 * read as well, so that both end with the dead letters and not in silence.
 */
export async function consumeSteps(s: Services, batch: MessageBatch): Promise<void> {
  for (const message of batch.messages) {
    const parsed = stepMessage.safeParse(message.body);
    if (!parsed.success) {
      s.log.error('unknown queue message', { queue: batch.queue, id: message.id });
      message.retry();
      continue;
    }
    try {
      await runStep(s, parsed.data);
      message.ack();
    } catch (error) {
      const { step, jobId } = parsed.data;
      s.log.error('step failed', { step, jobId, attempt: message.attempts, error });
      message.retry();
    }
  }
}
