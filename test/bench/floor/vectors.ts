/**
 * The work of semantic search alone, many times a request, because clocks stand still in workerd while it computes:
 *
 *   POST /scan?times=n         compares one vector with 100,000, with SIMD
 *   POST /scan?times=n&plain   the same in JavaScript
 *   POST /embed?times=n        embeds the texts of the body, a JSON array; the first time it loads the model
 */
import { createBundledEmbedder } from '../../../src/models/embedded/bundled-model.ts';
import { createDotProducts, plainProducts } from '../../../src/models/embedded/dot-products.ts';
import module from '../../../src/models/embedded/dot-products.wasm';
import { Nearest } from '../../../src/models/embedded/nearest.ts';

const DIMENSIONS = 256;
const BYTES = DIMENSIONS / 2;
const CHUNKS = 100_000;
const BLOCK = 4096;

const simdProducts = createDotProducts(module);
const products = new Int32Array(BLOCK);
let vectors: Int8Array | undefined;

function held(): Int8Array {
  if (vectors) return vectors;
  vectors = new Int8Array(CHUNKS * BYTES);
  for (let at = 0, state = 1; at < vectors.length; at++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    vectors[at] = state >> 24;
  }
  return vectors;
}

/** As `segments.ts` does it, without scales. */
function scan(plain: boolean): number {
  const all = held();
  const dots = plain ? plainProducts : simdProducts;
  const best = new Nearest(200);
  for (let first = 0; first < CHUNKS; first += BLOCK) {
    const some = Math.min(BLOCK, CHUNKS - first);
    const block = all.subarray(first * BYTES, (first + some) * BYTES);
    dots.products(all.subarray(0, DIMENSIONS), block, products.subarray(0, some));
    for (let n = 0; n < some; n++)
      if (products[n]! > best.least) best.add(first + n, first + n, products[n]!);
  }
  return best.list().length;
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'GET') return new Response('ok');
    const { pathname, searchParams } = new URL(request.url);
    const times = Number(searchParams.get('times'));
    if (pathname === '/embed') {
      const texts: string[] = await request.json();
      const embedder = createBundledEmbedder();
      for (let n = 0; n < times; n++) await embedder.embed(texts, 'passage');
    } else {
      for (let n = 0; n < times; n++) scan(searchParams.has('plain'));
    }
    return new Response('ok');
  },
};
