/**
 * The API as a Postman Collection v2.1 (https://schema.postman.com/json/collection/v2.1.0/docs/), made from the OpenAPI
 * document: a folder a tag, a request an operation, values from the examples.
 */
import type { openApiDocument } from './openapi.ts';

type Document = ReturnType<typeof openApiDocument>;
type Operation = NonNullable<NonNullable<Document['paths']>[string]['get']>;
type Schemas = Record<string, Schema>;

/** As much of a JSON schema as an example is made from. */
export interface Schema {
  $ref?: string;
  example?: unknown;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  example?: unknown;
}

interface Pair {
  key: string;
  value: string;
  description?: string;
  disabled?: boolean;
}

interface Item {
  name: string;
  request: {
    method: string;
    description: string;
    auth?: { type: 'noauth' };
    header: Pair[];
    url: { raw: string; host: string[]; path: string[]; query: Pair[]; variable: Pair[] };
    body?: { mode: 'raw'; raw: string; options: { raw: { language: 'json' } } };
  };
  response: Saved[];
}

interface Saved {
  name: string;
  originalRequest: Item['request'];
  code: number;
  header: Pair[];
  body: string;
  _postman_previewlanguage: 'json';
}

export interface Collection {
  info: { name: string; version: string; description: string; schema: string };
  auth: { type: 'apikey'; apikey: { key: string; value: string; type: 'string' }[] };
  variable: { key: string; value: string; type: 'string'; description: string }[];
  item: { name: string; description: string; item: Item[] }[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const JSON_TYPE = 'application/json';

/**
 * The collection of a document; `baseUrl` is where its requests go unless the variable says otherwise. An operation
 * appears once, at its own address; WebSockets are no requests of a collection, and left out.
 */
export function postmanCollection(document: Document, baseUrl: string): Collection {
  const folders = (document.tags ?? []).map(({ name, description = '' }) => ({
    name,
    description,
    item: requestsOf(document, name),
  }));
  return {
    info: {
      name: document.info.title,
      version: document.info.version,
      description: document.info.description ?? '',
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: {
      type: 'apikey',
      apikey: [
        { key: 'key', value: 'X-API-Key', type: 'string' },
        { key: 'value', value: '{{api_key}}', type: 'string' },
        { key: 'in', value: 'header', type: 'string' },
      ],
    },
    variable: [
      { key: 'base_url', value: baseUrl, type: 'string', description: 'Where the API answers.' },
      { key: 'api_key', value: '', type: 'string', description: 'Your API key or access token.' },
    ],
    item: folders.filter(({ item }) => item.length > 0),
  };
}

function requestsOf(document: Document, tag: string): Item[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation?.tags?.includes(tag)) return [];
      if (operation['x-alias-of'] !== undefined || '101' in (operation.responses ?? {})) return [];
      return [requestItem(document, method, path, operation)];
    }),
  );
}

function requestItem(document: Document, method: string, path: string, operation: Operation): Item {
  const schemas = (document.components?.schemas ?? {}) as Schemas;
  const parameters = parametersOf(document, operation);
  const query = pairs(parameters, 'query');
  const enabled = query.filter(({ disabled }) => !disabled);
  const steps = path.slice(1).replaceAll(/\{([^}]+)\}/g, ':$1');
  const search = enabled.map(({ key, value }) => `${key}=${encodeURIComponent(value)}`).join('&');
  const media = (operation.requestBody as { content?: Record<string, { schema?: Schema }> } | undefined)
    ?.content;
  const schema = media?.[JSON_TYPE]?.schema;
  const request: Item['request'] = {
    method: method.toUpperCase(),
    description: [operation.summary, operation.description].filter(Boolean).join('\n\n'),
    ...(operation.security?.length === 0 ? { auth: { type: 'noauth' } } : {}),
    header: [...(schema ? [{ key: 'Content-Type', value: JSON_TYPE }] : []), ...pairs(parameters, 'header')],
    url: {
      raw: `{{base_url}}/${steps}${search === '' ? '' : `?${search}`}`,
      host: ['{{base_url}}'],
      path: steps.split('/'),
      query,
      variable: pairs(parameters, 'path'),
    },
    ...(schema
      ? {
          body: {
            mode: 'raw',
            raw: JSON.stringify(exampleOf(schema, schemas), null, 2),
            options: { raw: { language: 'json' } },
          },
        }
      : {}),
  };
  return {
    name: operation.summary ?? operation.operationId ?? path,
    request,
    response: savedResponses(operation, request, schemas),
  };
}

/** What the operation answers when it succeeds in JSON. */
function savedResponses(operation: Operation, request: Item['request'], schemas: Schemas): Saved[] {
  return Object.entries(operation.responses ?? {}).flatMap(([status, response]): Saved[] => {
    if (!status.startsWith('2') || '$ref' in response) return [];
    const media = response.content?.[JSON_TYPE] as { schema?: Schema } | undefined;
    if (!media?.schema) return [];
    return [
      {
        name: response.description,
        originalRequest: request,
        code: Number(status),
        header: [{ key: 'Content-Type', value: JSON_TYPE }],
        body: JSON.stringify(exampleOf(media.schema, schemas), null, 2),
        _postman_previewlanguage: 'json',
      },
    ];
  });
}

function parametersOf(document: Document, operation: Operation): Parameter[] {
  const shared = (document.components?.parameters ?? {}) as Record<string, Parameter>;
  return (operation.parameters ?? []).flatMap((parameter) => {
    if (!('$ref' in parameter)) return [parameter as Parameter];
    const found = shared[parameter.$ref.slice('#/components/parameters/'.length)];
    return found ? [found] : [];
  });
}

/** Optional ones are there to be ticked. */
function pairs(parameters: Parameter[], where: string): Pair[] {
  return parameters
    .filter((parameter) => parameter.in === where)
    .map(({ name, example, description, required }) => ({
      key: name,
      value: String(example ?? ''),
      ...(description === undefined ? {} : { description }),
      ...(required ? {} : { disabled: true }),
    }));
}

/** A value that fits the schema: its example, else one of the members that it requires or that have an example. */
export function exampleOf(schema: Schema, schemas: Schemas): unknown {
  if (schema.$ref !== undefined) {
    const named = schemas[schema.$ref.slice('#/components/schemas/'.length)];
    return named ? exampleOf(named, schemas) : null;
  }
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, schemas)));
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (choice) return exampleOf(choice, schemas);
  if (schema.properties) return exampleObject(schema, schemas);
  if (schema.items) return [exampleOf(schema.items, schemas)];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  return type === 'boolean' ? true : type === 'object' ? {} : null;
}

function exampleObject(
  { properties = {}, required = [] }: Schema,
  schemas: Schemas,
): Record<string, unknown> {
  const shown = Object.entries(properties).filter(
    ([name, member]) => required.includes(name) || member.example !== undefined,
  );
  return Object.fromEntries(shown.map(([name, member]) => [name, exampleOf(member, schemas)]));
}
