/**
 * What an exact limit and a fresh identity cost at the least: one write to an object's SQLite and one read from D1, both
 * under way at once, and an answer. It stands beside our API behind the same front, which asks either by a binding, so
 * that both pay this hop.
 */
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';

interface Env {
  DB: D1Database;
  COUNTERS: DurableObjectNamespace<CounterObject>;
  REFERENCE: Fetcher;
  API: Fetcher;
}

export class CounterObject extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER)');
  }

  raise(name: string): number {
    return this.ctx.storage.sql
      .exec<{ count: number }>(
        'INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count',
        name,
      )
      .one().count;
  }
}

export class Reference extends WorkerEntrypoint<Env> {
  override async fetch(): Promise<Response> {
    const { COUNTERS, DB } = this.env;
    const counter = COUNTERS.get(COUNTERS.idFromName('all'));
    const [count, user] = await Promise.all([
      counter.raise('requests'),
      DB.prepare('SELECT id, role FROM users WHERE username = ?').bind('admin').first(),
    ]);
    return Response.json({ count, user });
  }
}

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    return (pathname === '/reference' ? env.REFERENCE : env.API).fetch(request);
  },
} satisfies ExportedHandler<Env>;
