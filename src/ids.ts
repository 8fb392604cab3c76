/** A new UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits. Sorts by creation time to the millisecond. */
export function newId(
  now: number = Date.now(),
  random: Uint8Array = crypto.getRandomValues(new Uint8Array(10)),
): string {
  const time = now.toString(16).padStart(12, '0');
  const tail = Buffer.from(random).toString('hex');
  const variant = (8 | (random[2]! & 3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(1, 4)}-${variant}${tail.slice(5, 8)}-${tail.slice(8, 20)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a string has the form of one of our ids; a repository's name may not. */
export function isId(text: string): boolean {
  return UUID.test(text);
}
