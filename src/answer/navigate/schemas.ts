import { z } from '@hono/zod-openapi';
import { pageQuery, wholeNumber } from '../../http/pagination.ts';
import { SYMBOL_KINDS } from '../../ingest/parse/facts.ts';
import { MAX_PATTERN } from './find.ts';

const MAX_NAME = 500;
/** Items of one page of callers, callees or impact. */
export const MAX_ITEMS = 500;
const MAX_DEPTH = 10;
const DEFAULT_DEPTH = 3;

const line = z.int().openapi({ example: 15, description: '1-based.' });
const confidence = z.number().min(0).max(1).openapi({ example: 0.97 });
const time = z.iso.datetime().openapi({ example: '2026-01-15T10:30:00.000Z' });

const flag = (description: string) =>
  z
    .enum(['true', 'false', '1', '0', ''])
    .optional()
    .transform((value) => value === 'true' || value === '1' || value === '')
    .openapi({ type: 'boolean', default: false, description });

const fraction = z
  .string()
  .regex(/^(?:0|1|0?\.\d{1,6}|0\.\d{1,6}|1\.0{1,6})$/, 'must be a number from 0 to 1')
  .transform(Number)
  .optional();

export const snapshotParam = z.object({
  name: z.string().openapi({
    param: { name: 'name', in: 'path' },
    description: 'Name or id of the repository.',
    example: 'my-lib',
  }),
  ref: z.string().openapi({
    param: { name: 'ref', in: 'path' },
    description: 'An indexed ref, percent-encoded: a branch, a tag, `HEAD`, a commit or a semver range.',
    example: 'v1.0.0',
  }),
});
export const symbolParam = snapshotParam.extend({
  symbolName: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_NAME, `must be at most ${MAX_NAME} characters`)
    .openapi({
      param: { name: 'symbolName', in: 'path' },
      description: 'Name, or a qualified one: `Router.match`, `Router::match`, `Router%23match`.',
      example: 'login',
    }),
});

const pick = {
  path: z
    .string()
    .min(1, 'must not be empty')
    .max(4096)
    .optional()
    .openapi({ description: 'Picks among several definitions: the path of the file, or its end.' }),
  kind: z.enum(SYMBOL_KINDS).optional().openapi({ description: 'Picks among several definitions.' }),
};

export const treeQuery = z.object({
  ...pageQuery(100_000),
  prefix: z
    .string()
    .optional()
    .openapi({ description: 'Directory to list; ends at a segment.', example: 'src' }),
});

const path = z.string().openapi({ description: 'Path in the repository.', example: 'src/auth/login.ts' });
export const fileQuery = z.object({
  path,
  includeSymbols: flag('The symbols of the file, with their signatures.'),
});
export const rawQuery = z.object({ path });
export const rawHeaders = z.object({
  range: z
    .string()
    .optional()
    .openapi({ description: 'One range of bytes; several are answered in full.', example: 'bytes=0-1023' }),
  'if-range': z
    .string()
    .optional()
    .openapi({ description: 'The ETag that the range is of; on another the answer is full.' }),
});

export const findQuery = z.object({
  ...pageQuery(10_000),
  pattern: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_PATTERN, `must be at most ${MAX_PATTERN} characters`)
    .openapi({
      description: 'A glob. Without `/` it is compared with base names at any depth.',
      example: 'log*',
    }),
  kind: z.enum(['file', 'symbol']).openapi({ description: 'Whose names: of files or of symbols.' }),
});

export const symbolQuery = z.object({ ...pick, includeImports: flag('The files that import the symbol.') });
export const referencesQuery = z.object({ ...pick, ...pageQuery(10_000) });

const edgesQuery = {
  ...pick,
  minConfidence: fraction.openapi({
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: 'Leaves out edges that are less sure.',
  }),
};
export const callsQuery = z.object({ ...edgesQuery, ...pageQuery(MAX_ITEMS) });
export const impactQuery = z.object({
  ...edgesQuery,
  depth: wholeNumber(1, MAX_DEPTH).default(DEFAULT_DEPTH).openapi({
    type: 'integer',
    minimum: 1,
    maximum: MAX_DEPTH,
    default: DEFAULT_DEPTH,
    description: 'Calls to follow from the symbol.',
  }),
});

const provenance = {
  repo: z.string().openapi({ example: 'my-lib' }),
  ref: z.string().openapi({ example: 'v1.0.0' }),
  commitSha: z.string(),
  indexedAt: time,
  coverage: z.object({
    indexed: z.int(),
    skipped: z.int(),
    reasons: z.record(z.string(), z.int()),
  }),
};

export const symbolInfo = z
  .object({
    name: z.string().openapi({ example: 'login' }),
    qualifiedName: z.string().openapi({ example: 'Session.login' }),
    kind: z.string().openapi({ example: 'function' }),
    signature: z.string().openapi({ example: 'login(username: string, password: string): Promise<User>' }),
    startLine: line,
    endLine: line,
    documentation: z.string().nullable(),
  })
  .openapi('SymbolInfo');

export const fileContent = z
  .object({
    repo: z.string(),
    ref: z.string(),
    path: z.string(),
    content: z.string(),
    encoding: z
      .enum(['utf-8', 'base64'])
      .openapi({ description: 'UTF-16 is decoded; other bytes are base64.' }),
    size: z.int().openapi({ description: 'Bytes in git.' }),
    symbols: z.array(symbolInfo).optional(),
  })
  .openapi('FileContent');

const located = {
  name: z.string().openapi({ example: 'login' }),
  qualifiedName: z.string().openapi({ example: 'Session.login' }),
  kind: z.string().openapi({ example: 'function' }),
  filePath: z.string().openapi({ example: 'src/auth/login.ts' }),
};

const detail = {
  ...located,
  startLine: line,
  endLine: line,
  signature: z.string(),
  documentation: z.string().nullable(),
  exported: z.boolean(),
  fileContentId: z.string().openapi({ description: 'Object id of the file in git.' }),
};
export const symbolSummary = z.object(detail).openapi('SymbolSummary');
export const symbolDetail = z.object({ ...detail, source: z.string() }).openapi('SymbolDetail');

export const importReference = z
  .object({
    filePath: z.string().openapi({ example: 'src/routes/auth.ts' }),
    source: z.string().openapi({ example: './login' }),
    importedName: z.string().openapi({
      example: 'login',
      description: '`*` where the whole module is imported and the symbol used of it.',
    }),
    isDefault: z.boolean(),
    alias: z.string().openapi({ description: 'The local name.' }),
    line,
    isReexport: z.boolean(),
    confidence,
  })
  .openapi('ImportReference');

export const symbolLookup = z
  .object({ symbols: z.array(symbolDetail), imports: z.array(importReference), total: z.int() })
  .openapi('SymbolLookup');

export const findResult = z
  .object({
    path: z.string(),
    name: z.string(),
    kind: z.string().openapi({ description: 'The kind of the symbol, or `file`.' }),
    filePath: z.string(),
    startLine: line.nullable(),
    endLine: line.nullable(),
    signature: z.string().nullable(),
    qualifiedName: z.string().optional(),
  })
  .openapi('FindResult');

const asked = {
  symbol: symbolSummary,
  definitions: z.array(symbolSummary).openapi({ description: 'All definitions that the name means.' }),
};
const counted = {
  total: z.int(),
  truncated: z.boolean().openapi({ description: 'True when a limit cut the search off.' }),
  ...provenance,
};
const edge = {
  line: line.openapi({ description: 'Of the call.' }),
  confidence,
  resolution: z.string().openapi({ example: 'import', description: 'How the call was resolved.' }),
};

export const callersAnswer = z
  .object({
    ...asked,
    callers: z.array(
      z.object({
        ...located,
        ...edge,
        callerStartLine: line,
        callerEndLine: line,
        snippet: z.string(),
        target: z.object({ qualifiedName: z.string(), filePath: z.string(), startLine: line }),
      }),
    ),
    ...counted,
  })
  .openapi('Callers');

export const calleesAnswer = z
  .object({
    ...asked,
    callees: z.array(
      z.object({
        ...located,
        ...edge,
        calleeStartLine: line,
        calleeEndLine: line,
        callFilePath: z.string(),
        snippet: z.string(),
      }),
    ),
    unresolved: z.int().openapi({ description: 'Calls that lead out of the repository or to local values.' }),
    ...counted,
  })
  .openapi('Callees');

export const impactAnswer = z
  .object({
    ...asked,
    depth: z.int(),
    levels: z.array(
      z.object({
        depth: z.int(),
        nodes: z.array(z.object({ ...located, startLine: line, endLine: line, confidence })),
      }),
    ),
    edges: z.array(
      z.object({
        from: z.string().openapi({ example: 'src/routes/auth.ts#signIn' }),
        to: z.string().openapi({ example: 'src/auth/login.ts#login' }),
        kind: z.enum(['call', 'extends', 'import']),
        ...edge,
      }),
    ),
    files: z.array(z.string()),
    ...counted,
  })
  .openapi('Impact');
