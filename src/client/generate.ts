/**
 * `npm run client`: writes `schema.d.ts`, the types of the API, from its OpenAPI document, with openapi-typescript. That
 * wants the TypeScript of before the native compiler, so it has a folder and a lockfile of its own; the tests need
 * neither, because the file carries fingerprints of what it was made from and of itself.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApp } from '../../workers/api/app.ts';
import { openApiDocument } from '../http/openapi.ts';

const GENERATOR = path.join(import.meta.dirname, 'generator');
const SCHEMA = path.join(import.meta.dirname, 'schema.d.ts');
const ERROR_TYPE = 'application/problem+json';
/** What makes no type. */
const UNTYPED = new Set(['example', 'headers', 'security', 'tags']);

/**
 * The document as the client sees it: an operation once, at its own address; errors as problems, because the client
 * never asks for the envelope; nothing that makes no type, so that the file changes when a type or a sentence does.
 */
export function clientDocument(): Record<string, unknown> {
  const { paths = {}, components, ...document } = openApiDocument(createApp(), '1');
  const own = Object.entries(paths).flatMap(([at, item]) => {
    const operations = Object.entries(item).filter(([, operation]) => !operation['x-alias-of']);
    return operations.length > 0 ? [[at, Object.fromEntries(operations)] as const] : [];
  });
  const { schemas: { EnvelopeError: _, ...schemas } = {}, parameters, responses } = components ?? {};
  const typed = {
    ...document,
    paths: Object.fromEntries(own),
    components: { schemas, parameters, responses },
  };
  return JSON.parse(
    JSON.stringify(typed, (key, value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      if (key === 'properties') return value;
      const kept = Object.entries(value).filter(([name]) => !UNTYPED.has(name) && !name.startsWith('x-'));
      return key === 'content' && ERROR_TYPE in value
        ? { [ERROR_TYPE]: value[ERROR_TYPE] }
        : Object.fromEntries(kept);
    }),
  );
}

/** The first line of `schema.d.ts`, for the document and the types that follow it. */
export function fingerprint(document: Record<string, unknown>, types: string): string {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `// Made by npm run client: do not edit. Document ${hash(JSON.stringify(document))}, types ${hash(types)}.`;
}

function generate(): void {
  run('npm', ['ci', '--silent', '--no-audit', '--no-fund']);
  const document = clientDocument();
  const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-client-'));
  try {
    const file = path.join(scratch, 'openapi.json');
    writeFileSync(file, JSON.stringify(document));
    const generator = path.join(GENERATOR, 'node_modules/openapi-typescript/bin/cli.js');
    // A member with a default may be left out of a request.
    const types = run(process.execPath, [generator, file, '--default-non-nullable=false']);
    writeFileSync(SCHEMA, `${fingerprint(document, types)}\n${types}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: GENERATOR,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
  return stdout;
}

if (import.meta.main) generate();
