import type { Embedder } from '../../models/embedder.ts';
import { quantise } from '../../models/quantised.ts';
import type { VectorSet } from '../../models/vector-store.ts';
import { type BlobKey, type BlobRows, BlobRowsWriter, MAX_CHUNKS } from '../../store/blob-rows.ts';
import type { BlobFacts } from '../parse/facts.ts';
import { chunkWords } from './chunk-words.ts';
import { passagesOf } from './passages.ts';

/** A blob to parse: its key, the id that its rows get, and its bytes as git has them. */
export interface SourceBlob extends BlobKey {
  id: number;
  bytes: Uint8Array;
}

export type Parse = (bytes: Uint8Array, lang: string) => BlobFacts | Promise<BlobFacts>;

/** The texts to embed of a blob's chunks, in their order. */
export interface BlobPassages {
  blobId: number;
  texts: string[];
}

/** What a batch becomes: rows, and of its chunks vectors, or the passages that are still to be embedded. */
export interface ParsedBatch extends BlobRows {
  vectors: VectorSet[];
  passages: BlobPassages[];
}

/** What is wanted beside rows. `vectors` takes an embedder that is at hand where the parsing is. */
export type Wanted = 'rows' | 'passages' | 'vectors';

/** Blobs of one batch → the rows of their facts. */
export type ParseBatch = (
  blobs: AsyncIterable<SourceBlob> | Iterable<SourceBlob>,
  wanted: Wanted,
) => Promise<ParsedBatch>;

/** Parses blob after blob here; the bytes of one are held at a time. */
export function rowsBy(parse: Parse, embedder: Embedder | null = null): ParseBatch {
  return async (blobs, wanted) => {
    const writer = new BlobRowsWriter();
    const vectors: VectorSet[] = [];
    const passages: BlobPassages[] = [];
    for await (const { bytes, ...blob } of blobs) {
      const facts = await parse(bytes, blob.lang);
      writer.add({ ...blob, size: bytes.length }, facts, chunkWords(facts));
      if (wanted === 'rows' || facts.skipped) continue;
      const texts = passagesOf(facts).slice(0, MAX_CHUNKS);
      if (wanted === 'passages') passages.push({ blobId: blob.id, texts });
      else vectors.push(await embedSet(embedder, { blobId: blob.id, texts }));
    }
    return { ...writer.rows(), vectors, passages };
  };
}

/** @throws what the embedder throws, and an Error without one */
async function embedSet(embedder: Embedder | null, { blobId, texts }: BlobPassages): Promise<VectorSet> {
  if (!embedder) throw new Error('no embedder where batches are parsed');
  return { blobId, vectors: quantise(await embedder.embed(texts), embedder.dimensions) };
}

/** Vectors of passages, many a call to the model. @throws what the embedder throws */
export async function embedPassages(
  embedder: Embedder,
  passages: readonly BlobPassages[],
): Promise<VectorSet[]> {
  const all = await embedder.embed(passages.flatMap(({ texts }) => texts));
  let at = 0;
  return passages.map(({ blobId, texts }) => {
    at += texts.length;
    return { blobId, vectors: quantise(all.slice(at - texts.length, at), embedder.dimensions) };
  });
}
