import type { Embedder } from '../embedder.ts';
import { MODEL } from './model-id.ts';
import { createStaticEmbedder, UNRELATED } from './static-embedder.ts';

let loaded: Promise<Embedder> | undefined;

/**
 * The embedder of `model.bin`, which is in the Workers' bundles. It is read when the first text comes, once an isolate:
 * starting up costs nothing, and whoever never embeds never pays.
 */
export function createBundledEmbedder(): Embedder {
  return {
    id: MODEL.id,
    provider: 'embedded',
    dimensions: MODEL.dimensions,
    unrelated: UNRELATED,
    async embed(texts, as) {
      loaded ??= load();
      return (await loaded).embed(texts, as);
    },
  };
}

/** @throws Error for any other file than the one that the id was written with */
async function load(): Promise<Embedder> {
  const [{ default: bytes }, { default: kernel }] = await Promise.all([
    import('./model.bin'),
    import('./row-sums.wasm'),
  ]);
  return createStaticEmbedder(new Uint8Array(bytes), MODEL.hash, kernel);
}
