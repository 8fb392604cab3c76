import { WorkerEntrypoint } from 'cloudflare:workers';
import type { Env } from '../../src/env.ts';
import type { BlobFacts } from '../../src/ingest/parse/facts.ts';
import { initParser, parseBlob } from '../../src/ingest/parse/parse.ts';

/** What the API asks of the indexer: parsing, because the grammars live in this Worker only, and the documentation's files. */
export class IndexerService extends WorkerEntrypoint<Env> {
  /** Facts of one blob; `language` as in the language table. Never throws on any input. */
  async parseBlob(bytes: Uint8Array, language: string): Promise<BlobFacts> {
    await initParser();
    return parseBlob(bytes, language);
  }

  /** A file of the documentation pages; 404 when the build has none of this name. */
  documentationFile(name: string): Promise<Response> {
    return this.env.ASSETS.fetch(`https://assets.invalid/${name}`);
  }

  /** Answers when the indexer runs: health and start-up ask. */
  ping(): 'pong' {
    return 'pong';
  }
}
