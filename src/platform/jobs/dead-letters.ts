import { stepMessage } from '../../pipeline.ts';
import type { Services } from '../../services.ts';
import { jobObject } from './dispatch.ts';

/**
 * Consumes messages whose retries are exhausted: their job fails with the reason, unless what they asked for was done
 * by another delivery. What no job can be told about is logged, and that is its end.
 */
export async function consumeDeadLetters(
  s: Pick<Services, 'env' | 'log'>,
  batch: MessageBatch,
): Promise<void> {
  for (const message of batch.messages) {
    const parsed = stepMessage.safeParse(message.body);
    if (!parsed.success) {
      s.log.error('dead letter that no job can be told about', { id: message.id, body: message.body });
      message.ack();
      continue;
    }
    const { step, jobId } = parsed.data;
    s.log.error('step given up', { step, jobId });
    try {
      await jobObject(s.env, jobId).deadLetter(parsed.data, {
        code: 'INTERNAL_ERROR',
        message: `The step "${step}" failed every time it was tried`,
      });
      message.ack();
    } catch (error) {
      s.log.error('dead letter not delivered', { step, jobId, error });
      message.retry();
    }
  }
}
