import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import * as schema from './control-schema.ts';

/** The control database, typed. Tables are imported from `control-schema.ts`. */
export type ControlDb = DrizzleD1Database<typeof schema>;

/** Wraps the `DB` binding; cheap, holds no connection. */
export function controlDb(binding: D1Database): ControlDb {
  return drizzle(binding, { schema });
}
