/** Objects in R2 by prefix. */

/** R2 lists and deletes at most this many keys a call. */
const KEYS_A_CALL = 1000;

/** Deletes every object below the prefix. Idempotent. */
export async function sweepPrefix(bucket: R2Bucket, prefix: string): Promise<void> {
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix, limit: KEYS_A_CALL });
    if (objects.length > 0) await bucket.delete(objects.map((object) => object.key));
    if (!truncated) return;
  }
}
