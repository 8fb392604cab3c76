/**
 * The floor of a search in workerd: `POST /` with `{match, weights, limit, tables: [[shard, table], …]}` asks bare FTS5
 * tables and answers their rows, nothing else. Shards are copies of those a server searches.
 */
interface Env {
  INDEX_0: D1Database;
  INDEX_1: D1Database;
}

interface Question {
  match: string;
  weights: string;
  limit: number;
  tables: [shard: 0 | 1, table: string][];
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method === 'GET') return new Response('ok');
    const { match, weights, limit, tables }: Question = await request.json();
    const shards = [env.INDEX_0, env.INDEX_1];
    const found = await Promise.all(
      shards.map((shard, at) => {
        const statements = tables
          .filter(([on]) => on === at)
          .map(([, table]) =>
            shard
              .prepare(
                `SELECT rowid, -rank AS score FROM ${table} WHERE ${table} MATCH ?1 AND rank MATCH ?2 ORDER BY rank LIMIT ?3`,
              )
              .bind(match, weights, limit),
          );
        return statements.length > 0 ? shard.batch(statements) : [];
      }),
    );
    return Response.json(found.flat().map(({ results }) => results));
  },
};
