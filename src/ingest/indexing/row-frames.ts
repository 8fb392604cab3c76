/**
 * A batch on its way to another process and back: the length of a JSON head (4 bytes, big-endian), the head, then the
 * bytes that it describes, one after another. Rows stay the JSON texts that they are.
 */
import type { VectorSet } from '../../models/vector-store.ts';
import { ROW_TABLES, type RowTable } from '../../store/blob-rows.ts';
import type { BlobPassages, ParsedBatch, SourceBlob, Wanted } from './rows.ts';

interface BlobsHead {
  blobs: (Omit<SourceBlob, 'bytes'> & { size: number })[];
  wanted: Wanted;
}

interface RowsHead extends Omit<ParsedBatch, 'pieces' | 'vectors' | 'passages'> {
  /** Of each table, the UTF-8 lengths of its pieces. */
  sizes: Record<RowTable, number[]>;
  /** Of each set, its blob and how many vectors of how many values. */
  sets: { blobId: number; count: number; dimensions: number }[];
  passages: BlobPassages[];
}

export function encodeBlobs(blobs: readonly SourceBlob[], wanted: Wanted): Uint8Array<ArrayBuffer> {
  const head: BlobsHead = {
    blobs: blobs.map(({ id, oid, lang, bytes }) => ({ id, oid, lang, size: bytes.length })),
    wanted,
  };
  return frame(
    head,
    blobs.map((blob) => blob.bytes),
  );
}

export function decodeBlobs(framed: Uint8Array): { blobs: SourceBlob[]; wanted: Wanted } {
  const { head, rest } = unframe<BlobsHead>(framed);
  return {
    blobs: head.blobs.map(({ size, ...blob }) => ({ ...blob, bytes: rest(size) })),
    wanted: head.wanted,
  };
}

export function encodeRows({ pieces, vectors, ...counts }: ParsedBatch): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const encoded = ROW_TABLES.map((table) => pieces[table].map((piece) => encoder.encode(piece)));
  const sizes = Object.fromEntries(
    ROW_TABLES.map((table, i) => [table, encoded[i]!.map((piece) => piece.length)]),
  ) as RowsHead['sizes'];
  const sets = vectors.map(({ blobId, vectors: { scales, dimensions } }) => ({
    blobId,
    count: scales.length,
    dimensions,
  }));
  return frame({ ...counts, sizes, sets } satisfies RowsHead, [
    ...encoded.flat(),
    ...vectors.flatMap(({ vectors: { scales, values } }) => [bytesOf(scales), bytesOf(values)]),
  ]);
}

export function decodeRows(framed: Uint8Array): ParsedBatch {
  const { head, rest } = unframe<RowsHead>(framed);
  const { sizes, sets, ...counts } = head;
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  const pieces = Object.fromEntries(
    ROW_TABLES.map((table) => [table, sizes[table].map((size) => decoder.decode(rest(size)))]),
  ) as ParsedBatch['pieces'];
  const vectors = sets.map(({ blobId, count, dimensions }): VectorSet => {
    // A copy: numbers of four bytes must begin at a multiple of four.
    const scales = new Float32Array(rest(4 * count).slice().buffer);
    const values = new Int8Array(rest(count * dimensions).slice().buffer);
    return { blobId, vectors: { dimensions, scales, values } };
  });
  return { ...counts, pieces, vectors };
}

function bytesOf(view: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
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
