import { fillPlaceholders, getTableColumns, SQL, sql } from 'drizzle-orm';
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import { SQLiteAsyncDialect, type SQLiteTable } from 'drizzle-orm/sqlite-core';
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

function textOf(statement: Statement): { sql: string; params: unknown[] } {
  return statement instanceof SQL ? dialect.sqlToQuery(statement) : statement.toSQL();
}

export type Row = Record<string, unknown>;

/** A read that is not under way yet, so that others may travel with it. */
export interface Read<T> {
  statements: D1PreparedStatement[];
  /** What the rows mean, a list a statement. */
  from(rows: Row[][]): T;
}

/** Two reads as one. */
export function both<A, B>(a: Read<A>, b: Read<B>): Read<[A, B]> {
  const at = a.statements.length;
  return {
    statements: [...a.statements, ...b.statements],
    from: (rows) => [a.from(rows.slice(0, at)), b.from(rows.slice(at))],
  };
}

/** Makes a read: one round trip, and all its statements see the same state of the database. */
export async function run<T>(db: D1Database, { statements, from }: Read<T>): Promise<T> {
  const answers = await db.batch<Row>(statements);
  return from(answers.map((answer) => answer.results));
}

/** A statement for a `Read`, whose text is made once a database, as with `prepared`; `values` are its placeholders'. */
export function statement(
  db: ControlDb,
  name: string,
  build: () => Statement,
  values: Record<string, unknown>,
): D1PreparedStatement {
  const { sql, params } = prepared(db, `text of ${name}`, () => textOf(build()));
  return db.$client.prepare(sql).bind(...fillPlaceholders(params, values));
}

/** SQL: all columns of a table by names that `rowOf` finds again, so that tables may be joined. */
export function columnsOf(table: SQLiteTable, prefix: string): SQL {
  return sql.join(
    Object.values(getTableColumns(table)).map(
      (column) => sql`${column} AS ${sql.identifier(prefix + column.name)}`,
    ),
    sql`, `,
  );
}

/** A row as drizzle would hand it out. */
export function rowOf<T extends SQLiteTable>(table: T, row: Row, prefix = ''): T['$inferSelect'] {
  const members = Object.entries(getTableColumns(table)).map(([name, column]) => {
    const value = row[prefix + column.name] ?? null;
    return [name, value === null ? null : column.mapFromDriverValue(value)];
  });
  return Object.fromEntries(members) as T['$inferSelect'];
}

/**
 * Runs statements as one transaction and answers their results in order, rows with the columns' own names. (Drizzle's
 * `batch` does not bind the parameters of raw SQL.)
 */
export async function transact(db: ControlDb, statements: Statement[]): Promise<D1Result[]> {
  return db.$client.batch(
    statements.map((statement) => {
      const { sql, params } = textOf(statement);
      return db.$client.prepare(sql).bind(...params);
    }),
  );
}
