import { SQL } from 'drizzle-orm';
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core';
import * as schema from './control-schema.ts';

/** The control database, typed. Tables are imported from `control-schema.ts`. */
export type ControlDb = DrizzleD1Database<typeof schema> & { $client: D1Database };

/** One a binding: reading the schema's relations takes drizzle longer than most queries take. */
const wrapped = new WeakMap<D1Database, ControlDb>();

/** Wraps the `DB` binding; holds no connection. */
export function controlDb(binding: D1Database): ControlDb {
  const known = wrapped.get(binding);
  if (known) return known;
  const db = drizzle(binding, { schema });
  wrapped.set(binding, db);
  return db;
}

const statements = new WeakMap<ControlDb, Map<string, unknown>>();

/**
 * A prepared query that every request runs, made once a database: drizzle takes longer to build one than SQLite to
 * answer it. What differs from call to call are `sql.placeholder`s.
 * @param name of all that the query's shape depends on
 */
export function prepared<T>(db: ControlDb, name: string, build: () => T): T {
  const known = statements.get(db) ?? new Map<string, unknown>();
  statements.set(db, known);
  if (!known.has(name)) known.set(name, build());
  return known.get(name) as T;
}

/** A statement of a transaction: raw SQL, or what a query builder makes. */
export type Statement = SQL | { toSQL(): { sql: string; params: unknown[] } };

const dialect = new SQLiteAsyncDialect();

/**
 * Runs statements as one transaction and answers their results in order, rows with the columns' own names. (Drizzle's
 * `batch` does not bind the parameters of raw SQL.)
 */
export async function transact(db: ControlDb, statements: Statement[]): Promise<D1Result[]> {
  return db.$client.batch(
    statements.map((statement) => {
      const { sql, params } = statement instanceof SQL ? dialect.sqlToQuery(statement) : statement.toSQL();
      return db.$client.prepare(sql).bind(...params);
    }),
  );
}
