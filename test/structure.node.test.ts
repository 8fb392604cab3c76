import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

/** The house rules of the README ("The map") as checks: a change that breaks one has to change this file in the open. */

const root = path.resolve(import.meta.dirname, '..');
const sources = ['src', 'workers'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
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

/** Folder → what it may import at run time. A file matches the first prefix that fits. */
const LAYERS: [prefix: string, may: string[]][] = [
  ['workers/', ['workers/', 'src/']],
  ['src/local/', ['src/local/', 'src/config.ts']],
  ['src/errors.ts', []],
  ['src/egress.ts', ['src/errors.ts', 'src/ip.ts']],
  ['src/models/', ['src/models/', 'src/errors.ts', 'src/words.ts']],
  [
    'src/store/',
    ['src/store/', 'src/errors.ts', 'src/words.ts', 'src/pipeline.ts', 'src/ingest/parse/facts.ts'],
  ],
  ['src/ingest/parse/', ['src/ingest/parse/', 'src/errors.ts', 'src/words.ts']],
  [
    'src/answer/',
    [
      'src/answer/',
      'src/store/',
      'src/models/',
      'src/errors.ts',
      'src/words.ts',
      'src/http/',
      'src/ingest/parse/',
    ],
  ],
];

describe('the house', () => {
  test.each(LAYERS)('%s imports only what stands below it', (prefix, may) => {
    const first = (file: string) => LAYERS.find(([p]) => file.startsWith(p))?.[0];
    const wrong = sources
      .filter((file) => first(file) === prefix)
      .flatMap((file) =>
        importsOf(file)
          .filter((to) => !may.some((m) => to.startsWith(m)))
          .map((to) => `${file} → ${to}`),
      );
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
    const allowed = ['src/egress.ts', 'src/local/'];
    const wrong = sources.filter(
      (file) =>
        !allowed.some((a) => file.startsWith(a)) &&
        /(?<![.\w])fetch\(/.test(
          textOf.get(file)!.replace(/(async |override )?fetch\(\s*(request|_?env|_)/g, ''),
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
    expect([...seen].filter((file) => /\.wasm'|\.scm'|web-tree-sitter/.test(textOf.get(file)!))).toEqual([]);
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

function exists(name: string): boolean {
  const at = name.replace(/\/$/, '');
  const folder = path.dirname(path.join(root, at));
  try {
    return readdirSync(folder).includes(path.basename(at));
  } catch {
    return false; // the parent is missing, so the named thing is
  }
}
