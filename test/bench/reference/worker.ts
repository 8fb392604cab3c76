/**
 * What an exact limit and a fresh identity cost at the least: one write to an object's SQLite and one read from D1, both
 * under way at once, and an answer. All else is passed on to our API, which so pays a hop more than the reference does.
 */
import { DurableObject } from 'cloudflare:workers';

interface Env {
  DB: D1Database;
  COUNTERS: DurableObjectNamespace<CounterObject>;
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

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== '/reference') return env.API.fetch(request);
    const counter = env.COUNTERS.get(env.COUNTERS.idFromName('all'));
    const [count, user] = await Promise.all([
      counter.raise('requests'),
      env.DB.prepare('SELECT id, role FROM users WHERE username = ?').bind('admin').first(),
    ]);
    return Response.json({ count, user });
  },
} satisfies ExportedHandler<Env>;
