/** Object ids: 40 hex digits to people, 20 bytes in packs and indexes. */
export const OID_BYTES = 20;

export function isOid(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

export function oidToBytes(oid: string): Uint8Array {
  const bytes = new Uint8Array(OID_BYTES);
  for (let i = 0; i < OID_BYTES; i++) bytes[i] = Number.parseInt(oid.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function oidToHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, OID_BYTES).toString('hex');
}

export function compareOids(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < OID_BYTES; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The first n below `length` for which `compare(n)` is not negative, `compare` being ascending. */
export function lowerBound(length: number, compare: (n: number) => number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(middle) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
