/** What an OpenAPI document leaves unsaid: the house rule for every operation, parameter, schema and header. */

interface Described {
  $ref?: string;
  name?: string;
  in?: string;
  description?: string;
  example?: unknown;
  schema?: Schema;
}

export interface Schema {
  $ref?: string;
  description?: string;
  example?: unknown;
  enum?: unknown[];
  const?: unknown;
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
}

interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  parameters?: Described[];
  responses?: Record<string, Described & { headers?: Record<string, Described> }>;
}

export interface Document {
  tags?: { name: string; description?: string }[];
  paths?: Record<string, Record<string, Operation>>;
  components?: {
    schemas?: Record<string, Schema>;
    parameters?: Record<string, Described>;
    headers?: Record<string, Described>;
    responses?: Record<string, Described>;
    securitySchemes?: Record<string, Described>;
  };
}

/** One line for everything that the document should say and does not. */
export function undocumented(document: Document): string[] {
  const { components = {}, tags = [] } = document;
  const declared = new Set(tags.flatMap(({ name, description }) => (description ? [name] : [])));
  const ids = new Map<string, string>();
  const found: string[] = [];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item)) {
      const name = `${method.toUpperCase()} ${path}`;
      const id = operation.operationId ?? '';
      if (!/^[a-z]+([A-Z][a-z0-9]*)*$/.test(id)) found.push(`${name}: operationId`);
      if (ids.has(id)) found.push(`${name}: operationId ${id} is that of ${ids.get(id)}`);
      ids.set(id, name);
      if (!operation.summary) found.push(`${name}: summary`);
      if (!operation.tags?.length) found.push(`${name}: tag`);
      for (const tag of operation.tags ?? []) if (!declared.has(tag)) found.push(`${name}: tag ${tag}`);
      for (const parameter of operation.parameters ?? [])
        found.push(...shown(parameter, `${name}: ${parameter.in} ${parameter.name}`));
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        if (response.$ref) continue;
        if (!response.description) found.push(`${name}: ${status}`);
        for (const [header, described] of Object.entries(response.headers ?? {}))
          found.push(...shown(described, `${name}: ${status} ${header}`));
      }
    }
  }
  for (const kind of ['parameters', 'headers'] as const)
    for (const [name, each] of Object.entries(components[kind] ?? {})) found.push(...shown(each, name));
  for (const kind of ['responses', 'securitySchemes'] as const)
    for (const [name, each] of Object.entries(components[kind] ?? {}))
      if (!each.description) found.push(`${name}: description`);
  for (const [name, schema] of Object.entries(components.schemas ?? {})) {
    if (!schema.description) found.push(`${name}: description`);
    found.push(...members(schema, name));
  }
  return found;
}

function shown(described: Described, name: string): string[] {
  if (described.$ref) return [];
  const found = [];
  if (!described.description) found.push(`${name}: description`);
  if (described.example === undefined) found.push(`${name}: example`);
  return found;
}

function members(schema: Schema, place: string): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    if (member.$ref) return [];
    const at = `${place}.${name}`;
    return [
      ...(member.description ? [] : [`${at}: description`]),
      ...(showsItself(member) ? [] : [`${at}: example`]),
      ...members(member, at),
    ];
  });
  const { items, additionalProperties, allOf = [], anyOf = [], oneOf = [] } = schema;
  const nested = [items, additionalProperties, ...allOf, ...anyOf, ...oneOf];
  return [...own, ...nested.flatMap((each) => (typeof each === 'object' ? members(each, place) : []))];
}

/** A value of it can be told from the schema: an example, one of its words, a boolean, or the examples of its members. */
function showsItself(schema: Schema): boolean {
  if (schema.example !== undefined || schema.enum || schema.const !== undefined || schema.$ref) return true;
  if (schema.type === 'boolean' || schema.properties) return true;
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0] ?? schema.allOf?.[0] ?? schema.items;
  if (choice) return showsItself(choice);
  return typeof schema.additionalProperties === 'object' && showsItself(schema.additionalProperties);
}
