import { z } from '@hono/zod-openapi';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { METHOD_NAME_ALL } from 'hono/router';
import { beforeAll, describe, expect, it } from 'vitest';
import { feature, json, route } from '../../src/http/feature.ts';
import { GLOSSARY_KEYS } from '../../src/http/glossary.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { exampleOf } from '../../src/http/postman.ts';
import { SCOPES } from '../../src/http/scopes.ts';
import { createApp } from '../../workers/api/app.ts';
import { type Schema, type Document as Undocumented, undocumented } from './undocumented.ts';

type Document = ReturnType<typeof openApiDocument>;
type Operation = NonNullable<NonNullable<Document['paths']>[string]['get']>;

const schemas = () => document.components!.schemas as Record<string, Schema>;

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

  it('gives every operation a scope of the table, its security and what can go wrong', () => {
    const scopes = new Set([...Object.keys(SCOPES), 'signed-in', 'public']);
    for (const [name, operation] of operations) {
      expect(scopes.has(operation['x-required-scope']), name).toBe(true);
      expect(operation.security, name).toBeDefined();
      expect(operation.responses?.['500'], name).toBeDefined();
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

  it('leaves nothing unsaid of an operation, a parameter, a schema or a header', () => {
    expect(undocumented(document as unknown as Undocumented)).toEqual([]);
    for (const { url, description } of document.servers ?? [])
      expect([url, description]).toEqual(['/', expect.any(String)]);
  });

  it('would tell of an operation that says nothing', () => {
    const silent = route({
      method: 'get',
      path: '/silent',
      scope: 'public',
      tags: ['Nowhere'],
      operationId: 'Silent_one',
      summary: '',
      request: { query: z.object({ odd: z.string() }) },
      responses: {
        200: {
          description: '',
          content: json(z.object({ unheard: z.string() }).openapi('Unheard')),
        },
      },
    });
    const other = createApp();
    const routes = feature();
    routes.openapi(silent, (c) => c.json({ unheard: '' }, 200));
    other.route('/api/v1', routes);
    const found = undocumented(openApiDocument(other, '1.0.0') as unknown as Undocumented);
    const at = 'GET /api/v1/silent';
    expect(found).toEqual([
      ...[`${at}: operationId`, `${at}: summary`, `${at}: tag Nowhere`],
      ...[`${at}: query odd: description`, `${at}: query odd: example`, `${at}: 200`],
      ...['Unheard: description', 'Unheard.unheard: description', 'Unheard.unheard: example'],
    ]);
  });

  it('has a word in its glossary only where a schema needs it', () => {
    const text = JSON.stringify(document);
    const names = new Set([...text.matchAll(/"([\w-]+)":/g)].map(([, name]) => name!));
    const cased = new Set(
      [...names].map((name) => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (c) => `_${c.toLowerCase()}`)),
    );
    const known = new Set(Object.keys(schemas()));
    const parameters = new Set(
      [...text.matchAll(/"name":"([\w-]+)","in":/g)].map(([, name]) =>
        name!.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      ),
    );
    expect(GLOSSARY_KEYS.schemas.filter((name) => !known.has(name))).toEqual([]);
    expect(GLOSSARY_KEYS.terms.filter((term) => !cased.has(term))).toEqual([]);
    expect(GLOSSARY_KEYS.parameters.filter((name) => !parameters.has(name))).toEqual([]);
    const places = GLOSSARY_KEYS.places.map((place) => place.split('.'));
    const idle = places.filter(
      ([schema, ...members]) => !known.has(schema!) || members.some((name) => !cased.has(name)),
    );
    expect(idle).toEqual([]);
  });

  it('shows only examples that fit: of members, parameters, whole schemas and bodies made from them', () => {
    const ajv = new Ajv({ strict: false, validateSchema: false, formats: { binary: true, password: true } });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'doc', components: document.components });
    const wrong: string[] = [];
    const check = (schema: object, value: unknown, at: string) => {
      const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"doc#/components/'));
      const fits = ajv.compile(local);
      if (!fits(value)) wrong.push(`${at}: ${JSON.stringify(value)} ${ajv.errorsText(fits.errors)}`);
    };
    const visit = (schema: Schema, at: string): void => {
      if (schema.example !== undefined) check(schema, schema.example, at);
      for (const [name, member] of Object.entries(schema.properties ?? {})) visit(member, `${at}.${name}`);
      const { items, additionalProperties, allOf = [], anyOf = [], oneOf = [] } = schema;
      for (const each of [items, additionalProperties, ...allOf, ...anyOf, ...oneOf])
        if (typeof each === 'object') visit(each, at);
    };
    for (const [name, schema] of Object.entries(schemas())) {
      visit(schema, name);
      check(schema, exampleOf(schema, schemas()), `a made ${name}`);
    }
    for (const [name, { parameters }] of operations) {
      for (const parameter of parameters ?? []) {
        if ('$ref' in parameter) continue;
        const {
          name: called,
          schema,
          example,
        } = parameter as { name: string; schema: object; example: unknown };
        check(schema, example, `${name} ${called}`);
      }
    }
    expect(wrong).toEqual([]);
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
