/**
 * Where batches are parsed: in this isolate, or by threads of the local server. Deployed, a queue has many consumers and
 * each parses for itself; a local runtime computes on one thread, so there threads beside it take the largest share.
 */
import type { Egress } from '../../egress.ts';
import type { Embedder } from '../../models/embedder.ts';
import { initParser, parseBlob } from '../parse/parse.ts';
import { decodeRows, encodeBlobs } from './row-frames.ts';
import { type ParseBatch, rowsBy, type SourceBlob } from './rows.ts';

export interface BatchParser {
  parseBatch: ParseBatch;
  /** Batches that are worth having under way at once: one writes its rows while others are parsed. */
  lanes: number;
}

/** Parses in this isolate, which holds the grammars; `embedder` makes the vectors that are wanted. */
export function isolateParser(embedder: Embedder | null): BatchParser {
  return {
    async parseBatch(blobs, wanted) {
      await initParser();
      return rowsBy(parseBlob, embedder)(blobs, wanted);
    },
    lanes: 1,
  };
}

/** A batch of hostile files may take seconds, and wait for as many others. */
const TIMEOUT_MS = 120_000;

/** Parses by the bridge's threads (`src/local/parse-pool.ts`). @throws Problem `upstream` when it does not answer */
export function bridgeParser(egress: Egress, threads: number): BatchParser {
  return {
    async parseBatch(blobs, wanted) {
      const sources: SourceBlob[] = [];
      for await (const blob of blobs) sources.push(blob);
      const response = await egress.fetch(`${egress.bridge}/rows`, {
        purpose: 'bridge',
        method: 'POST',
        body: encodeBlobs(sources, wanted),
        timeoutMs: TIMEOUT_MS,
      });
      const answer = new Uint8Array(await response.arrayBuffer());
      // Not a Problem: the step is tried again, as when an isolate ends in the middle.
      if (!response.ok) throw new Error(`the parse threads answered ${response.status}`);
      return decodeRows(answer);
    },
    lanes: threads + 1,
  };
}
