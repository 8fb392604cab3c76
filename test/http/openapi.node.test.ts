import { Validator } from '@seriousme/openapi-schema-validator';
import { METHOD_NAME_ALL } from 'hono/router';
import { beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/http/openapi.ts';
import { SCOPES } from '../../src/http/scopes.ts';
import { createApp } from '../../workers/api/app.ts';

type Document = ReturnType<typeof openApiDocument>;
type Operation = NonNullable<NonNullable<Document['paths']>[string]['get']>;

interface Described {
  description?: string;
  example?: unknown;
  schema?: { example?: unknown; enum?: unknown[] };
}

interface Shown {
  example?: unknown;
  properties?: Record<string, { example?: unknown }>;
}

/** The component behind a reference of a request body. */
function schemaNamed(reference: string): Shown {
  const name = reference.replace('#/components/schemas/', '');
  return (document.components as { schemas: Record<string, Shown> }).schemas[name]!;
}

const app = createApp();
let document: Document;
let operations: [name: string, operation: Operation][];

beforeAll(() => {
  document = JSON.parse(JSON.stringify(openApiDocument(app, '1.0.0')));
  operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    (['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((method): [string, Operation][] => {
      const operation = item[method];
      return operation ? [[`${method.toUpperCase()} ${path}`, operation]] : [];
    }),
  );
});

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(
      structuredClone(document) as unknown as Record<string, unknown>,
    );
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('lists the operations that the router answers, and no others', () => {
    const served = app.routes
      .filter((route) => route.method !== METHOD_NAME_ALL)
      .map((route) => `${route.method} ${route.path.replaceAll(/:([^/]+)/g, '{$1}')}`);
    expect(operations.map(([name]) => name).toSorted()).toEqual([...new Set(served)].toSorted());
  });

  it("has RepoRelay's twenty routes at both of their addresses, the same in all but the id", () => {
    const reporelay = `GET /git-credentials/hosts · GET /indexing-status · GET /indexing-status/{name}/{ref} · POST /repos · GET /repos · GET /repos/{name} · GET /repos/{name}/git-refs · POST /repos/{name}/refresh-refs · POST /repos/{name}/sync · PATCH /repos/{name} · DELETE /repos/{name} · DELETE /repos/{name}/versions/{ref} · GET /search · GET /repos/{name}/refs/{ref}/tree · GET /repos/{name}/refs/{ref}/file · GET /repos/{name}/refs/{ref}/symbols/{symbolName} · GET /repos/{name}/refs/{ref}/find · GET /repos/{name}/refs/{ref}/references/{symbolName} · POST /repos/{name}/context`;
    const known = new Map(operations);
    for (const line of reporelay.split(' · ')) {
      const [method, path] = line.split(' ') as [string, string];
      const [versioned, plain] = [known.get(`${method} /api/v1${path}`), known.get(`${method} /api${path}`)];
      expect(versioned, `/api/v1 ${line}`).toBeDefined();
      expect(plain, `/api ${line}`).toBeDefined();
      expect(plain?.parameters).toEqual(versioned?.parameters);
      expect(plain?.responses).toEqual(versioned?.responses);
    }
    expect(known.has('GET /health')).toBe(true);
  });

  it('gives every operation an id, a tag, a summary, a scope of the table and what can go wrong', () => {
    const scopes = new Set([...Object.keys(SCOPES), 'signed-in', 'public']);
    const ids = new Set<string>();
    for (const [name, operation] of operations) {
      expect(operation.tags?.length, name).toBeGreaterThan(0);
      expect(operation.summary, name).toBeTruthy();
      expect(scopes.has(operation['x-required-scope']), name).toBe(true);
      expect(operation.security, name).toBeDefined();
      expect(operation.responses?.['500'], name).toBeDefined();
      expect(ids.has(operation.operationId ?? ''), name).toBe(false);
      ids.add(operation.operationId ?? '');
    }
  });

  it('describes every parameter in a path, and 401 and 403 wherever identity is needed', () => {
    for (const [name, operation] of operations) {
      const named = [...name.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
      const described = (operation.parameters ?? []).flatMap((p) =>
        'in' in p && p.in === 'path' ? [p.name] : [],
      );
      expect(described.toSorted(), name).toEqual(named.toSorted());
      if (operation['x-required-scope'] === 'public') continue;
      expect(operation.responses?.['401'], name).toBeDefined();
      expect(operation.responses?.['403'], name).toBeDefined();
    }
  });

  it('says of every parameter what it is, and shows a request of every kind', () => {
    for (const [name, operation] of operations) {
      for (const parameter of operation.parameters ?? []) {
        if ('$ref' in parameter) continue;
        const { description, example, schema } = parameter as Described;
        expect(description, `${name} ${parameter.name}`).toBeTruthy();
        if (parameter.required) {
          expect(example ?? schema?.example ?? schema?.enum, `${name} ${parameter.name}`).toBeDefined();
        }
      }
      const body = operation.requestBody as { content: Record<string, { schema: { $ref: string } }> };
      if (!body) continue;
      const schema = schemaNamed(body.content['application/json']!.schema.$ref);
      const shown = schema.example ?? Object.values(schema.properties ?? {}).find((each) => each.example);
      expect(shown, name).toBeDefined();
    }
    for (const { name, description } of document.tags ?? []) expect(description, name).toBeTruthy();
  });

  it('names the headers of an answer: tags, pages, provenance, limits, and none that it lacks', () => {
    const headersOf = (name: string, status = '200') => {
      const response = new Map(operations).get(name)?.responses?.[status] as { headers: object };
      return Object.keys(response.headers);
    };
    const tree = headersOf('GET /api/v1/repos/{name}/refs/{ref}/tree');
    for (const header of ['X-Request-Id', 'X-RateLimit-Limit', 'RateLimit', 'ETag', 'Link', 'X-Total-Count'])
      expect(tree).toContain(header);
    expect(tree).toContain('Sightline-Commit');
    const search = headersOf('GET /api/search');
    expect(search).toEqual(expect.arrayContaining(['Link', 'Sightline-Empty-Reason', 'Sightline-Suggest']));
    expect(search).not.toContain('X-Total-Count');
    expect(headersOf('POST /api/repos', '201')).toContain('Location');
    expect(headersOf('GET /health')).toEqual(['X-Request-Id']);
  });

  it('refers only to components that it has', () => {
    const text = JSON.stringify(document);
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
      const components = document.components as Record<string, Record<string, unknown>>;
      expect(components[kind!]?.[name!], `${kind}/${name}`).toBeDefined();
    }
  });
});
