/**
 * Copies Swagger UI and ReDoc from their packages to `dist/assets`, which the API Worker serves at `/docs/assets`:
 * the documentation never loads anything from elsewhere.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const target = path.join(root, 'dist/assets');
const modules = path.join(root, 'node_modules');

const COPIED = [
  'swagger-ui-dist/swagger-ui.css',
  'swagger-ui-dist/swagger-ui-bundle.js',
  'swagger-ui-dist/favicon-32x32.png',
  'swagger-ui-dist/favicon-16x16.png',
];

await mkdir(target, { recursive: true });
await Promise.all(
  COPIED.map((file) => copyFile(path.join(modules, file), path.join(target, path.basename(file)))),
);

// ReDoc's bundle shows its maker's logo from a CDN; an image of our own keeps the page self-contained.
const redoc = await readFile(path.join(modules, 'redoc/bundles/redoc.standalone.js'), 'utf8');
const local = redoc.replaceAll(/https:\/\/cdn\.redoc\.ly\/[\w./-]+/g, '/docs/assets/favicon-32x32.png');
await writeFile(path.join(target, 'redoc.standalone.js'), local);
