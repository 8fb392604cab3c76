/// <reference types="vite/client" />
/** Sources that the golden questions are asked of: pinned packages as the lockfile has them, and this project. */
type Files = Record<string, string>;

const hono = import.meta.glob<string>(
  ['../../node_modules/hono/dist/**/*.js', '!../../node_modules/hono/dist/{cjs,types,_virtual}/**'],
  { query: '?raw', import: 'default', eager: true },
);
const jose = import.meta.glob<string>('../../node_modules/jose/dist/webapi/**/*.js', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const zod = import.meta.glob<string>(
  ['../../node_modules/zod/src/v4/{core,classic}/**/*.ts', '!**/tests/compile-*', '!**/tests/locales/**'],
  { query: '?raw', import: 'default', eager: true },
);
const semver = import.meta.glob<string>('../../node_modules/semver/**/*.js', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const self = import.meta.glob<string>('../../src/**/*.ts', { query: '?raw', import: 'default', eager: true });

/** Files of each corpus by path below its root. */
export const CORPORA: Record<string, Files> = {
  hono: below(hono, 'hono/dist/'),
  jose: below(jose, 'jose/dist/webapi/'),
  zod: below(zod, 'zod/src/v4/'),
  semver: below(semver, 'node_modules/semver/'),
  self: below(self, 'src/'),
};

/** Corpora that only the lockfile changes. */
export const PINNED = ['hono', 'jose', 'zod', 'semver'];

function below(files: Files, root: string): Files {
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path.slice(path.indexOf(root) + root.length), text]),
  );
}
