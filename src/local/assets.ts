/**
 * Copies Swagger UI and ReDoc from their packages to `dist/assets`, which the API answers with at `/docs/assets`:
 * the documentation never loads anything from elsewhere.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const COPIED = [
  'swagger-ui-dist/swagger-ui.css',
  'swagger-ui-dist/swagger-ui-bundle.js',
  'swagger-ui-dist/favicon-32x32.png',
  'swagger-ui-dist/favicon-16x16.png',
];

/** Fills `dist/assets` of a checkout; cheap enough to run at every start. */
export async function copyAssets(checkout: string): Promise<void> {
  const target = path.join(checkout, 'dist/assets');
  const modules = path.join(checkout, 'node_modules');
  await mkdir(target, { recursive: true });
  await Promise.all(
    COPIED.map((file) => copyFile(path.join(modules, file), path.join(target, path.basename(file)))),
  );
  // ReDoc's bundle shows its maker's logo from a CDN; an image of our own keeps the page self-contained.
  const redoc = await readFile(path.join(modules, 'redoc/bundles/redoc.standalone.js'), 'utf8');
  const local = redoc.replaceAll(/https:\/\/cdn\.redoc\.ly\/[\w./-]+/g, '/docs/assets/favicon-32x32.png');
  await writeFile(path.join(target, 'redoc.standalone.js'), local);
}

if (import.meta.main) await copyAssets(path.resolve(import.meta.dirname, '../..'));
