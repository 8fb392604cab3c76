/** The `AI` and `VECTORIZE` bindings over the REST API of the model server: what the platform does with a call. */
const ACCOUNT = '/client/v4/accounts/a';

interface Envelope<T> {
  result: T;
  success: boolean;
  errors: { message: string }[];
}

const ask = <T>(url: string, body: string) => resultOf<T>(fetch(url, { method: 'POST', body }));
const get = <T>(url: string) => resultOf<T>(fetch(url));

async function resultOf<T>(asked: Promise<Response>): Promise<T> {
  const response = await asked;
  const { result, success, errors } = (await response.json()) as Envelope<T>;
  if (!success) throw new Error(errors[0]?.message);
  return result;
}

export function aiBinding(server: string): Ai {
  const run = (model: string, input: unknown) =>
    ask(`${server}${ACCOUNT}/ai/run/${model}`, JSON.stringify(input));
  return { run } as unknown as Ai;
}

export function vectorizeBinding(server: string): Vectorize {
  const verb = (name: string) => `${server}${ACCOUNT}/vectorize/v2/indexes/sightline/${name}`;
  const lines = (vectors: VectorizeVector[]) =>
    vectors.map((vector) => JSON.stringify({ ...vector, values: [...vector.values] })).join('\n');
  return {
    describe: () => get(verb('info')),
    upsert: (vectors: VectorizeVector[]) => ask(verb('upsert'), lines(vectors)),
    query: (vector: VectorFloatArray | number[], options: VectorizeQueryOptions) =>
      ask(verb('query'), JSON.stringify({ vector: [...vector], ...options })),
    deleteByIds: (ids: string[]) => ask(verb('delete_by_ids'), JSON.stringify({ ids })),
  } as unknown as Vectorize;
}
