import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { plainProducts } from '../../../src/models/embedded/dot-products.ts';
import { Lexicon } from '../../../src/models/embedded/lexicon.ts';
import { contentHash, HASH_AT, readModel } from '../../../src/models/embedded/model-file.ts';
import { MODEL } from '../../../src/models/embedded/model-id.ts';
import { createRowSums } from '../../../src/models/embedded/row-sums.ts';
import { MAX_WORD, scanWords } from '../../../src/models/embedded/scan-words.ts';
import { createStaticEmbedder } from '../../../src/models/embedded/static-embedder.ts';
import { modelFile } from '../../../src/models/embedded/training/write-model.ts';
import { dequantise, pack, quantise } from '../../../src/models/quantised.ts';
import { splitIdentifier } from '../../../src/words.ts';

const SOURCE = path.resolve(import.meta.dirname, '../../../src/models/embedded');
const bytes = readFileSync(path.join(SOURCE, 'model.bin'));

function wordsOf(text: string): string[] {
  const words: string[] = [];
  scanWords(text, {
    word: (codes, length) => void words.push(String.fromCharCode(...codes.subarray(0, length))),
  });
  return words;
}

function rowsOf(lexicon: Lexicon, text: string): Map<number, number> {
  lexicon.clear();
  scanWords(text, lexicon);
  return new Map([...lexicon.touched.subarray(0, lexicon.size)].map((row) => [row, lexicon.counts[row]!]));
}

const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

describe('the words of a text', () => {
  it('are those that the index has, whatever the identifier', () => {
    const identifiers = fc.string({
      unit: fc.constantFrom(...'aAbBzZsS09é漢Ωß'),
      minLength: 1,
      maxLength: MAX_WORD,
    });
    fc.assert(
      fc.property(fc.array(identifiers, { maxLength: 6 }), (names) => {
        expect(wordsOf(names.join(' _-./'))).toEqual(names.flatMap(splitIdentifier));
      }),
      { numRuns: 300 },
    );
    expect(wordsOf('parseHTTPRequest2 user_id URLs naïveÉtat 漢字')).toEqual([
      'parse',
      'http',
      'request',
      '2',
      'user',
      'id',
      'urls',
      'naïve',
      'état',
      '漢字',
    ]);
  });

  it('are read in pieces when they are too long to be words', () => {
    expect(wordsOf('x'.repeat(70)).map((word) => word.length)).toEqual([MAX_WORD, MAX_WORD, 6]);
  });
});

describe('a lexicon', () => {
  const lexicon = new Lexicon({
    words: ['read', 'file', 'ünïcode'],
    pairs: Uint16Array.of(0, 1),
    buckets: 8,
  });

  it('counts words, and pairs of neighbours as one more', () => {
    expect(rowsOf(lexicon, 'read file, readFile')).toEqual(
      new Map([
        [0, 2],
        [1, 2],
        [3, 2],
      ]),
    );
    expect(rowsOf(lexicon, 'file read ünïcode')).toEqual(
      new Map([
        [1, 1],
        [0, 1],
        [2, 1],
      ]),
    );
  });

  it('counts an unknown word by its pieces, which together weigh as a word, and an unknown number not at all', () => {
    const pieces = rowsOf(lexicon, 'frobnicate');
    expect([...pieces.keys()].every((row) => row >= 4)).toBe(true);
    // 10 letters in a frame: 10 + 9 + 8 pieces, each 1 / sqrt(27).
    expect([...pieces.values()].reduce((sum, count) => sum + count, 0)).toBeCloseTo(Math.sqrt(27), 4);
    expect(rowsOf(lexicon, '4711 x').size).toBe(0);
  });

  it('forgets the text before', () => {
    rowsOf(lexicon, 'read file');
    expect(rowsOf(lexicon, 'file')).toEqual(new Map([[1, 1]]));
  });
});

describe('a model file', () => {
  it('is at most 4 MB, and the one that its id was written with', () => {
    expect(bytes.length).toBeLessThanOrEqual(4_000_000);
    const { id, dimensions } = createStaticEmbedder(bytes, MODEL.hash);
    expect({ id, dimensions, hash: contentHash(bytes) }).toEqual(MODEL);
  });

  it('is refused when it is damaged, cut, empty, of another format, or another model', () => {
    const flipped = (at: number) => {
      const copy = Uint8Array.from(bytes);
      copy[at]! ^= 1;
      return copy;
    };
    for (const at of [8, HASH_AT, 60, Math.floor(bytes.length / 2), bytes.length - 1]) {
      expect(() => createStaticEmbedder(flipped(at), MODEL.hash)).toThrow('damaged');
    }
    expect(() => createStaticEmbedder(bytes.subarray(0, -1))).toThrow('damaged');
    expect(() => createStaticEmbedder(bytes.subarray(0, 20))).toThrow('no model file');
    expect(() => createStaticEmbedder(new Uint8Array(0))).toThrow('no model file');
    expect(() => createStaticEmbedder(flipped(0))).toThrow('no model file');
    expect(() => createStaticEmbedder(flipped(4))).toThrow('format');
    expect(() => createStaticEmbedder(bytes, 'ab'.repeat(32))).toThrow('its hash is');
  });

  it('holds what was written, to 4 bits', () => {
    const vectors = Float32Array.from({ length: 5 * 16 }, (_, at) => Math.sin(at * at));
    const weights = Float32Array.of(0.5, 1, 2, 0.005, 1);
    const file = modelFile({
      words: ['alpha', 'größe', 'gamma'],
      pairs: Uint16Array.of(0, 2),
      buckets: 1,
      dimensions: 16,
      vectors,
      queryWeights: weights,
      passageWeights: weights.map((weight) => 2 * weight),
    });
    const model = readModel(file);
    expect(rowsOf(model.lexicon, 'alpha gamma größe')).toEqual(
      new Map([
        [0, 1],
        [2, 1],
        [3, 1],
        [1, 1],
      ]),
    );
    for (let row = 0; row < 5; row++) {
      const read = createRowSums(model.rows, 16, null).sum(Uint16Array.of(row), Float32Array.of(1));
      for (let d = 0; d < 16; d++) {
        expect(read[d]! * model.queryWeights[row]!).toBeCloseTo(vectors[16 * row + d]! * weights[row]!, 0);
      }
      expect(model.passageWeights[row]! / model.queryWeights[row]!).toBeCloseTo(2, 1);
    }
  });
});

describe('the static embedder', () => {
  const embedder = createStaticEmbedder(bytes, MODEL.hash);
  const noise = (length: number) =>
    String.fromCharCode(...Uint16Array.from({ length }, (_, at) => (at * 2_654_435_761) % 65_536));

  it.each([
    ['empty', ''],
    ['one letter', 'x'],
    ['one letter of another script', '漢'],
    ['emoji only', '🎉🚀👩‍👩‍👧'],
    ['100 kB of code', 'const value = await readFile(path, options);\n'.repeat(2_300)],
    ['100 kB of one letter', 'a'.repeat(100_000)],
    [
      '100 kB of words that no model knows',
      Array.from({ length: 14_000 }, (_, at) => `q${at.toString(36)}zx`).join(' '),
    ],
    ['other scripts', 'обработка запроса пользователя 处理用户请求 معالجة طلب'],
    ['binary noise', noise(50_000)],
    ['half a surrogate pair', '\ud83d'.repeat(1_000)],
  ])('answers %s with a unit vector or zeros, at once', async (_name, text) => {
    const began = performance.now();
    for (const role of ['query', 'passage'] as const) {
      const [vector] = await embedder.embed([text], role);
      expect(vector!.every(Number.isFinite)).toBe(true);
      const length = cosine(vector!, vector!);
      expect(length === 0 || Math.abs(length - 1) < 1e-4).toBe(true);
    }
    // Some milliseconds; the bound leaves room for a busy machine.
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('has zeros for a text without words, and a vector for words of any script', async () => {
    const [empty, emoji, russian] = await embedder.embed(['', '🎉 -> ++', 'обработка'], 'query');
    expect(cosine(empty!, empty!)).toBe(0);
    expect(cosine(emoji!, emoji!)).toBe(0);
    expect(cosine(russian!, russian!)).toBeCloseTo(1, 4);
  });

  it('leaves out the features that weigh least, not those that come last', async () => {
    const words = Array.from(
      { length: 300 },
      (_, at) => `word${'abcdefghijklmnopqrst'[at % 20]}${'abcdefghijklmno'[Math.floor(at / 20)]}`,
    );
    const weights = Float32Array.from(words, (_, at) => (at < 44 ? 0.01 : 1));
    const vectors = Float32Array.from({ length: 300 * 32 }, (_, at) => Math.sin(at * at));
    const file = modelFile({
      words,
      pairs: new Uint16Array(0),
      buckets: 0,
      dimensions: 32,
      vectors,
      queryWeights: weights,
      passageWeights: weights,
    });
    const [all, heavy, light] = await createStaticEmbedder(file).embed([
      words.join(' '),
      words.slice(44).join(' '),
      words.slice(0, 256).join(' '),
    ]);
    expect(all).toEqual(heavy);
    expect(all).not.toEqual(light);
  });

  it('puts a question nearer to what it asks for than to other code', async () => {
    const [question] = await embedder.embed(['read the lines of a file'], 'query');
    const [near, far] = await embedder.embed([
      'function loadText(path) { return readFile(path).split("\\n") }',
      'class Circle { area() { return Math.PI * this.radius ** 2 } }',
    ]);
    expect(cosine(question!, near!)).toBeGreaterThan(cosine(question!, far!));
  });
});

describe('vectors in 8 bits, and packed in 4', () => {
  const unit = (seed: number) => {
    const values = Float32Array.from({ length: 256 }, (_, at) => Math.sin(seed * 7 + at * at));
    return values.map((value) => value / Math.hypot(...values));
  };

  it('keep the cosine', () => {
    const scores = new Int32Array(1);
    for (let seed = 0; seed < 20; seed++) {
      const [a, b] = [quantise([unit(seed)], 256), quantise([unit(seed + 1)], 256)];
      const exact = cosine(unit(seed), unit(seed + 1));
      const [whole] = dequantise(b);
      expect(Math.abs(cosine(unit(seed), whole!) - exact)).toBeLessThan(0.002);
      const packed = pack(b);
      plainProducts.products(a.values, packed.values, scores);
      expect(Math.abs(scores[0]! * a.scales[0]! * packed.scales[0]! - exact)).toBeLessThan(0.02);
    }
  });

  it('are packed two values a byte, an odd one alone, zeros as zeros', () => {
    const vectors = quantise([Float32Array.of(0.6, -0.6, 0.3), Float32Array.of(0, 0, 0)], 3);
    const { values, scales } = pack(vectors);
    expect([...values].map((byte) => [(byte << 28) >> 28, byte >> 4])).toEqual([
      [7, 4],
      [-7, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(scales[0]).toBeCloseTo(1 / Math.hypot(7, 7, 4));
    expect(scales[1]).toBe(0);
    expect(pack(quantise([], 256))).toMatchObject({ values: new Int8Array(0) });
  });

  it('never hold what 8 bits cannot, and zeros are near to nothing', () => {
    expect([...quantise([Float32Array.of(2, -2, 1)], 3).values]).toEqual([127, -127, 64]);
    const none = [Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY), Float32Array.of(0, 0)];
    expect(quantise(none, 2)).toMatchObject({ scales: Float32Array.of(0, 0), values: new Int8Array(4) });
    expect(() => quantise(none, 3)).toThrow('a vector of 2 values among vectors of 3');
  });
});

describe('a kernel', () => {
  it.each(['dot-products', 'row-sums'])('%s is the text beside it, assembled', async (name) => {
    const { parseWat } = await wabt();
    const text = readFileSync(path.join(SOURCE, `${name}.wat`), 'utf8');
    const assembled = parseWat(`${name}.wat`, text, { simd: true }).toBinary({}).buffer;
    expect(Buffer.from(assembled)).toEqual(readFileSync(path.join(SOURCE, `${name}.wasm`)));
  });
});
