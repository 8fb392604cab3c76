/**
 * Navigation of JavaScript and TypeScript against TypeScript's language service, as a process of its own:
 * `node --import ../support/grammar-hooks.ts against-typescript.ts <directory> [<package whose source it is>]` prints one
 * `Figures` as JSON.
 */
import path from 'node:path';
import { readManifests } from '../../src/answer/navigate/manifests.ts';
import type { Manifest } from '../../src/answer/navigate/modules/module.ts';
import { createPathIndex } from '../../src/answer/navigate/paths.ts';
import { type SourceFile, sourceFiles } from '../bench/source-files.ts';
import { corpusOf } from './corpus.ts';
import {
  type Bucket,
  calibration,
  drawSymbols,
  idsOf,
  judgeCalls,
  type Score,
  scoreCalls,
  scoreReferences,
} from './measure.ts';
import { truthOf } from './typescript-truth.ts';

export interface Figures {
  files: number;
  /** How many symbols were drawn; half of them share their name with another where there are as many. */
  symbols: number;
  callers: Score;
  references: Score;
  /** Of all symbols, not only of those drawn. */
  allCallers: Score;
  calibration: Bucket[];
}

const SYMBOLS = 120;
const SEED = 3;
const LANGUAGES = new Set(['typescript', 'tsx', 'javascript']);
const TYPES = path.resolve(import.meta.dirname, '../../node_modules/@types');

async function figuresOf(root: string, name: string | undefined): Promise<Figures> {
  const files = sourceFiles(root);
  const texts = Object.fromEntries(
    files.filter(({ language }) => LANGUAGES.has(language)).map((file) => [file.path, file.text]),
  );
  const manifests = await manifestsOf(files, name);
  const corpus = await corpusOf(texts, manifests);
  const truth = truthOf(root, corpus.indexed, manifests, TYPES);
  const ids = idsOf(corpus, truth);
  const judged = judgeCalls(corpus, truth);
  const symbols = new Set(drawSymbols(truth, ids, SYMBOLS, SEED));
  return {
    files: corpus.indexed.length,
    symbols: symbols.size,
    callers: scoreCalls(judged, truth, ids, symbols),
    references: scoreReferences(corpus, truth, ids, symbols),
    allCallers: scoreCalls(judged, truth, ids),
    calibration: calibration(judged),
  };
}

/** The packages of the directory, read as a snapshot's are, or the one whose source it is. */
async function manifestsOf(files: SourceFile[], name: string | undefined): Promise<Manifest[]> {
  if (name !== undefined) return [{ kind: 'npm', name, directory: '' }];
  const found = files.filter((file) => path.posix.basename(file.path) === 'package.json');
  const rows = found.map((file, at) => ({
    path: `${path.posix.dirname(file.path)}/`.replace(/^\.\//, ''),
    files: [{ name: 'package.json', blob: at, lang: 'json' }],
  }));
  return readManifests(createPathIndex(rows), async () => new Map(found.map(({ text }, at) => [at, text])));
}

console.log(JSON.stringify(await figuresOf(path.resolve(process.argv[2]!), process.argv[3])));
