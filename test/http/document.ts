/** The published document as tests read it: its operations, and JSON Schema validators made from its own schemas. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

export interface Answered {
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: Schema }>;
}

export interface Operation {
  /** `GET /api/v1/repos/{name}` */
  name: string;
  method: string;
  path: string;
  /** The name without the mount: one feature, wherever it is served. */
  feature: string;
  scope: string;
  /** Policies of its own; null for the caller's plan or `anonymous`. */
  limits: string[] | null;
  parameters: Parameter[];
  body: Schema | null;
  /** By status. */
  responses: Record<string, Answered>;
}

export interface OpenApi {
  paths: Record<string, Record<string, RawOperation>>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Answered>;
    parameters: Record<string, Parameter>;
  };
}

interface RawOperation {
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
  responses: Record<string, Answered | { $ref: string }>;
  [extension: `x-${string}`]: unknown;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Every operation of the document, with its references to parameters and responses followed. */
export function operationsOf(document: OpenApi): Operation[] {
  const behind = <T extends object>(value: T | { $ref: string }): T =>
    '$ref' in value ? at<T>(document, value.$ref) : value;
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]): Operation => {
        const name = `${method.toUpperCase()} ${path}`;
        return {
          name,
          method: method.toUpperCase(),
          path,
          feature: name.replace(/ \/api(\/v1)?(?=\/)/, ' '),
          scope: String(operation['x-required-scope']),
          limits: (operation['x-rate-limits'] as string[] | undefined) ?? null,
          parameters: (operation.parameters ?? []).map((each) => behind<Parameter>(each)),
          body: operation.requestBody?.content['application/json'].schema ?? null,
          responses: Object.fromEntries(
            Object.entries(operation.responses).map(([status, each]) => [status, behind<Answered>(each)]),
          ),
        };
      }),
  );
}

function at<T>(document: OpenApi, pointer: string): T {
  const steps = pointer.replace('#/', '').split('/');
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], document) as T;
}

/** A schema without references: they are replaced by what they name, and `allOf` of objects by one object. */
export function inlined(document: OpenApi, schema: Schema): Schema {
  if (schema.$ref !== undefined) return inlined(document, at<Schema>(document, schema.$ref));
  const each = (some: Schema[]) => some.map((part) => inlined(document, part));
  if (schema.allOf) {
    const { allOf, ...own } = schema;
    const parts = each([...allOf, own]);
    return {
      ...(Object.assign({}, ...parts) as Schema),
      properties: Object.assign({}, ...parts.map((part) => part.properties)) as Record<string, Schema>,
      required: parts.flatMap((part) => part.required ?? []),
    };
  }
  return {
    ...schema,
    ...(schema.anyOf && { anyOf: each(schema.anyOf) }),
    ...(schema.oneOf && { oneOf: each(schema.oneOf) }),
    ...(schema.items && { items: inlined(document, schema.items) }),
    ...(typeof schema.additionalProperties === 'object' && {
      additionalProperties: inlined(document, schema.additionalProperties),
    }),
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, part]) => [name, inlined(document, part)]),
      ),
    }),
  };
}

/** The same schema, where an object that lists its members has no others: what is not documented is not answered. */
export function closed(schema: Schema): Schema {
  return {
    ...schema,
    ...(schema.anyOf && { anyOf: schema.anyOf.map(closed) }),
    ...(schema.oneOf && { oneOf: schema.oneOf.map(closed) }),
    ...(schema.items && { items: closed(schema.items) }),
    ...(schema.properties && {
      additionalProperties: schema.additionalProperties ?? false,
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, part]) => [name, closed(part)]),
      ),
    }),
  };
}

/** Says what is wrong with a value by a schema; null when nothing is. */
export type Judge = (value: unknown) => string | null;

/** Validators by schema object, each compiled once. */
export function validators(): (schema: Schema) => Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: false, ownProperties: true });
  addFormats.default(ajv);
  // Formats that say how to show a text, not what it may be.
  ajv.addFormat('password', true);
  ajv.addFormat('binary', true);
  const compiled = new Map<Schema, ValidateFunction>();
  return (schema) => (value) => {
    const validate = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, validate);
    return validate(value) ? null : ajv.errorsText(validate.errors);
  };
}
