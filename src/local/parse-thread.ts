/**
 * A thread of the parse pool: batches in, rows out, by the very code that parses in the Worker. The Workers' bundler
 * gives grammars, queries and the model a type (rules in `workers/indexer/wrangler.toml`); here a loader does.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';

registerHooks({
  load(url, context, nextLoad) {
    const source = sourceOf(url);
    return source === null ? nextLoad(url, context) : { format: 'module', shortCircuit: true, source };
  },
});

function sourceOf(url: string): string | null {
  if (url.endsWith('.scm'))
    return `export default ${JSON.stringify(readFileSync(fileURLToPath(url), 'utf8'))};`;
  if (url.endsWith('.bin'))
    return `import { readFileSync } from 'node:fs';
export default new Uint8Array(readFileSync(new URL(import.meta.url))).buffer;`;
  if (!url.endsWith('.wasm')) return null;
  return `import { readFileSync } from 'node:fs';
export default new WebAssembly.Module(readFileSync(new URL(import.meta.url)));`;
}

// After the loader is in place.
const { isolateParser } = await import('../ingest/indexing/parser.ts');
const { createBundledEmbedder } = await import('../models/embedded/bundled-model.ts');
const { decodeBlobs, encodeRows } = await import('../ingest/indexing/row-frames.ts');

const parser = isolateParser(createBundledEmbedder());

parentPort!.on('message', async (framed: Uint8Array) => {
  const { blobs, wanted } = decodeBlobs(framed);
  const rows = encodeRows(await parser.parseBatch(blobs, wanted));
  parentPort!.postMessage(rows, [rows.buffer]);
});
