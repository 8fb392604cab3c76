/**
 * A batch on its way to another process and back: the length of a JSON head (4 bytes, big-endian), the head, then the
 * bytes that it describes, one after another. Rows stay the JSON texts that they are.
 */
import { type BlobRows, ROW_TABLES, type RowTable } from '../../store/blob-rows.ts';
import type { SourceBlob } from './rows.ts';

interface BlobsHead {
  blobs: (Omit<SourceBlob, 'bytes'> & { size: number })[];
}

interface RowsHead extends Omit<BlobRows, 'pieces'> {
  /** Of each table, the UTF-8 lengths of its pieces. */
  sizes: Record<RowTable, number[]>;
}

export function encodeBlobs(blobs: readonly SourceBlob[]): Uint8Array<ArrayBuffer> {
  const head: BlobsHead = {
    blobs: blobs.map(({ id, oid, lang, bytes }) => ({ id, oid, lang, size: bytes.length })),
  };
  return frame(
    head,
    blobs.map((blob) => blob.bytes),
  );
}

export function decodeBlobs(framed: Uint8Array): SourceBlob[] {
  const { head, rest } = unframe<BlobsHead>(framed);
  return head.blobs.map(({ size, ...blob }) => ({ ...blob, bytes: rest(size) }));
}

export function encodeRows({ pieces, ...counts }: BlobRows): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const encoded = ROW_TABLES.map((table) => pieces[table].map((piece) => encoder.encode(piece)));
  const sizes = Object.fromEntries(
    ROW_TABLES.map((table, i) => [table, encoded[i]!.map((piece) => piece.length)]),
  ) as RowsHead['sizes'];
  return frame({ ...counts, sizes } satisfies RowsHead, encoded.flat());
}

export function decodeRows(framed: Uint8Array): BlobRows {
  const { head, rest } = unframe<RowsHead>(framed);
  const { sizes, ...counts } = head;
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  const pieces = Object.fromEntries(
    ROW_TABLES.map((table) => [table, sizes[table].map((size) => decoder.decode(rest(size)))]),
  ) as BlobRows['pieces'];
  return { ...counts, pieces };
}

function frame(head: object, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const total = parts.reduce((sum, part) => sum + part.length, 4 + text.length);
  const framed = new Uint8Array(total);
  new DataView(framed.buffer).setUint32(0, text.length);
  framed.set(text, 4);
  let at = 4 + text.length;
  for (const part of parts) {
    framed.set(part, at);
    at += part.length;
  }
  return framed;
}

/** The head, and the bytes behind it, taken from the front. */
function unframe<Head>(framed: Uint8Array): { head: Head; rest: (length: number) => Uint8Array } {
  const length = new DataView(framed.buffer, framed.byteOffset, framed.byteLength).getUint32(0);
  let at = 4 + length;
  const head = JSON.parse(new TextDecoder().decode(framed.subarray(4, at))) as Head;
  return {
    head,
    rest(size) {
      at += size;
      return framed.subarray(at - size, at);
    },
  };
}
