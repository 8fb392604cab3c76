import { type BlobKey, type BlobRows, BlobRowsWriter } from '../../store/blob-rows.ts';
import type { BlobFacts } from '../parse/facts.ts';
import { chunkWords } from './chunk-words.ts';

/** A blob to parse: its key, the id that its rows get, and its bytes as git has them. */
export interface SourceBlob extends BlobKey {
  id: number;
  bytes: Uint8Array;
}

export type Parse = (bytes: Uint8Array, lang: string) => BlobFacts | Promise<BlobFacts>;

/** Blobs of one batch → the rows of their facts. */
export type ParseBatch = (blobs: AsyncIterable<SourceBlob> | Iterable<SourceBlob>) => Promise<BlobRows>;

/** Parses blob after blob here; the bytes of one are held at a time. */
export function rowsBy(parse: Parse): ParseBatch {
  return async (blobs) => {
    const writer = new BlobRowsWriter();
    for await (const { bytes, ...blob } of blobs) {
      const facts = await parse(bytes, blob.lang);
      writer.add({ ...blob, size: bytes.length }, facts, chunkWords(facts));
    }
    return writer.rows();
  };
}
