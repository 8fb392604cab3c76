import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

/** The house rules of the README ("The map") as checks: a change that breaks one has to change this file in the open. */

const root = path.resolve(import.meta.dirname, '..');
const sources = ['src', 'workers'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    // Where wrangler ran, it leaves bundles behind.
    .filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !/\.wrangler|node_modules/.test(file),
    )
    .map((file) => path.join(folder, file)),
);
const textOf = new Map(sources.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));

/** Run-time imports of project files (types cost nothing and bind nothing), as paths from the root. */
function importsOf(file: string): string[] {
  const found = [
    ...textOf
      .get(file)!
      .matchAll(/^(?:import|export)(?!\s+type\b)[^;'"]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'/gm),
  ];
  return found.map((match) => path.normalize(path.join(path.dirname(file), match[1] ?? match[2]!)));
}

/** What every answer may stand on. Ingest writes and answers read: of ingest they know what a language is, no more. */
const BELOW_ANSWERS = [
  'src/errors.ts',
  'src/http/',
  'src/ingest/parse/decode.ts',
  'src/ingest/parse/facts.ts',
  'src/ingest/parse/languages.ts',
  'src/paths.ts',
  'src/store/',
  'src/words.ts',
];

/** Folder → what it may import at run time, beside itself. A file belongs to the first prefix that fits. */
const LAYERS: [prefix: string, may: string[]][] = [
  ['workers/', ['src/']],
  // Of a client of the API, what any client may know; its types are made from the app's own description.
  ['src/client/generate.ts', ['src/http/openapi.ts', 'workers/api/app.ts']],
  ['src/client/', []],
  // Creating an admin of a deployment needs a hash and the rows, without a Worker to ask; the model is checked before one is there.
  [
    'src/local/',
    [
      'src/client/client.ts',
      'src/config.ts',
      'src/ids.ts',
      'src/models/embedded/model-file.ts',
      'src/models/embedded/model-id.ts',
      'src/platform/accounts/passwords.ts',
      'src/store/admin-script.ts',
    ],
  ],
  ['src/errors.ts', []],
  ['src/ids.ts', []],
  ['src/ip.ts', []],
  ['src/lru.ts', []],
  ['src/paths.ts', []],
  ['src/pipeline.ts', []],
  ['src/version.ts', ['package.json']],
  ['src/words.ts', []],
  ['src/config.ts', ['src/errors.ts']],
  ['src/egress.ts', ['src/errors.ts', 'src/ip.ts']],
  ['src/env.ts', []],
  // Training learns from what the parser finds; it runs on a developer's machine and is in no bundle.
  ['src/models/embedded/training/', ['src/ingest/parse/', 'src/models/embedded/', 'src/words.ts']],
  // The embedded vector store keeps segments in R2, by the rows that say which of them count.
  [
    'src/models/',
    ['src/errors.ts', 'src/lru.ts', 'src/store/keys.ts', 'src/store/vector-sets.ts', 'src/words.ts'],
  ],
  // Of ingest, the shape of facts and their version: a type that both sides of the store speak.
  ['src/store/', ['src/errors.ts', 'src/ids.ts', 'src/ingest/parse/facts.ts']],
  ['src/ingest/parse/', []],
  // Of the store, the R2 keys; of parsing, the flags that are taken while an object is in hand.
  [
    'src/ingest/mirror/',
    ['src/egress.ts', 'src/errors.ts', 'src/ingest/parse/sniff.ts', 'src/lru.ts', 'src/store/keys.ts'],
  ],
  [
    'src/ingest/indexing/',
    [
      'src/errors.ts',
      'src/ingest/mirror/trees.ts',
      'src/ingest/parse/',
      'src/models/',
      'src/paths.ts',
      'src/store/',
      'src/words.ts',
    ],
  ],
  [
    'src/ingest/steps/',
    ['src/errors.ts', 'src/ingest/', 'src/pipeline.ts', 'src/platform/jobs/timing.ts', 'src/store/'],
  ],
  [
    'src/answer/search/',
    [...BELOW_ANSWERS, 'src/answer/lines.ts', 'src/answer/nearest.ts', 'src/lru.ts', 'src/models/'],
  ],
  ['src/answer/navigate/', [...BELOW_ANSWERS, 'src/answer/lines.ts', 'src/answer/nearest.ts']],
  ['src/answer/', [...BELOW_ANSWERS, 'src/answer/']],
  // Identity is what accounts and the kit of routes share: tokens are verified where they are signed.
  [
    'src/http/',
    [
      'src/config.ts',
      'src/errors.ts',
      'src/ids.ts',
      'src/platform/accounts/first-admin.ts',
      'src/platform/accounts/tokens.ts',
      'src/platform/telemetry/log.ts',
      'src/platform/telemetry/meter.ts',
      'src/store/',
    ],
  ],
  [
    'src/services.ts',
    [
      'src/config.ts',
      'src/egress.ts',
      'src/ids.ts',
      'src/ingest/mirror/object-store.ts',
      'src/models/',
      'src/platform/jobs/jobs.ts',
      'src/platform/telemetry/log.ts',
      'src/store/',
    ],
  ],
  // Asks providers, and reads what they answer piece by piece.
  [
    'src/platform/sign-on/',
    ['src/config.ts', 'src/egress.ts', 'src/errors.ts', 'src/http/', 'src/platform/accounts/', 'src/store/'],
  ],
  [
    'src/platform/',
    [
      'src/config.ts',
      'src/egress.ts',
      'src/errors.ts',
      'src/http/',
      'src/ids.ts',
      'src/ingest/',
      'src/pipeline.ts',
      'src/services.ts',
      'src/store/',
      'src/version.ts',
    ],
  ],
];

describe('the house', () => {
  const layerOf = (file: string) => LAYERS.find(([prefix]) => file.startsWith(prefix))?.[0];

  test.each(LAYERS)('%s imports only what stands below it', (prefix, may) => {
    const wrong = sources
      .filter((file) => layerOf(file) === prefix)
      .flatMap((file) =>
        importsOf(file)
          .filter((to) => ![prefix, ...may].some((allowed) => to.startsWith(allowed)))
          .map((to) => `${file} → ${to}`),
      );
    expect(wrong).toEqual([]);
  });

  test('every file belongs to a layer', () => {
    expect(sources.filter((file) => layerOf(file) === undefined)).toEqual([]);
  });

  test('all SQL of the databases is in the store', () => {
    // The model is measured against FTS5 over texts in memory, which is no database of ours.
    const measured = 'src/models/embedded/training/bm25.ts';
    const wrong = outside('src/store/').filter(
      (file) => file !== measured && /\.prepare\(|\bsql(<[^>]*>)?`/.test(textOf.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('every key of the bucket is made in keys.ts', () => {
    const literal = /\bbucket\.\w+\(\s*(?:\[|\{ prefix: )?['"`]|['"`]repos\/\$\{/i;
    const wrong = outside('src/store/keys.ts').filter((file) => literal.test(textOf.get(file)!));
    expect(wrong).toEqual([]);
  });

  test('routes never import routes', () => {
    const wrong = sources.filter(
      (file) => file.endsWith('/routes.ts') && importsOf(file).some((to) => to.endsWith('/routes.ts')),
    );
    expect(wrong).toEqual([]);
  });

  test('only the store mints proofs of access', () => {
    const wrong = sources.filter(
      (file) => !file.startsWith('src/store/') && /\bmintRepoScope\b/.test(textOf.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('every outbound request goes through egress.ts', () => {
    const allowed = ['src/egress.ts', 'src/local/', 'src/client/'];
    const wrong = sources.filter(
      (file) =>
        !allowed.some((a) => file.startsWith(a)) &&
        /(?<![.\w])fetch\(/.test(
          textOf.get(file)!.replace(/(async |override )?fetch\(\s*(request|_?env|_)/g, ''),
        ),
    );
    expect(wrong).toEqual([]);
  });

  test('nobody but egress.ts and the local server opens a connection', () => {
    const allowed = ['src/egress.ts', 'src/local/'];
    const opens =
      /(?:from |import\()'(?:cloudflare:sockets|(?:node:)?(?:net|tls|dgram|https?|http2))'|import \{[^}]*\bClient\b[^}]*\} from 'ldapts'/;
    const wrong = sources.filter(
      (file) => !allowed.some((a) => file.startsWith(a)) && opens.test(textOf.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('nothing that is bundled imports the training of the model', () => {
    const training = 'src/models/embedded/training/';
    const wrong = outside(training).filter((file) =>
      [...textOf.get(file)!.matchAll(/['"](\.[^'"\n]+)['"]/g)].some((match) =>
        path.join(path.dirname(file), match[1]!).startsWith(training),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test('the API Worker carries no grammar', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file) || !textOf.has(file)) return;
      seen.add(file);
      for (const to of importsOf(file)) visit(to);
    };
    visit('workers/api/index.ts');
    expect(
      [...seen].filter((file) =>
        /(?<!dot-products|row-sums)\.wasm'|\.scm'|web-tree-sitter/.test(textOf.get(file)!),
      ),
    ).toEqual([]);
  });

  test('our tools, and the tests of a running server, speak to the API through its client', () => {
    const speaking = ['src/local', 'test/e2e', 'test/system', 'test/bench'].flatMap((folder) =>
      readdirSync(path.join(root, folder), { encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => path.join(folder, file)),
    );
    // A server that starts is asked for its readiness before there is anything to be a client of.
    const wrong = speaking.filter(
      (file) =>
        file !== 'src/local/server.ts' &&
        /fetch\([^;]*?\/api\/v1/.test(readFileSync(path.join(root, file), 'utf8')),
    );
    expect(wrong).toEqual([]);
  });

  test('folders that the README names exist', () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/`((?:src|workers|test|migrations)\/[\w./-]*)`/g)].map(
      (match) => match[1]!,
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !exists(name))).toEqual([]);
  });
});

function outside(prefix: string): string[] {
  return sources.filter((file) => !file.startsWith(prefix));
}

function exists(name: string): boolean {
  const at = name.replace(/\/$/, '');
  const folder = path.dirname(path.join(root, at));
  try {
    return readdirSync(folder).includes(path.basename(at));
  } catch {
    return false; // the parent is missing, so the named thing is
  }
}
