/**
 * What cannot run offline, by its documented wire format: Workers AI and Vectorize as Cloudflare's REST API has them
 * (https://developers.cloudflare.com/api/), and an OpenAI-compatible `/embeddings`. Limits are those documented, and
 * what breaks one is refused. A vector is the letters of its text (`letters.ts`).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { letters } from './letters.ts';

const model = letters();
const API_KEY = 'sk-of-the-test-suite';
/** Mutations of Vectorize are asynchronous: what is written shows this much later. */
const VISIBLE_AFTER_MS = 40;

interface Stored {
  id: string;
  namespace: string;
  values: number[];
}

export interface ModelServer {
  url: string;
  apiKey: string;
  close(): Promise<void>;
}

export async function startModelServer(): Promise<ModelServer> {
  const index = new Map<string, Stored>();
  const server = createServer(async (request, response) => {
    try {
      await answer(request, response, index);
    } catch (error) {
      send(response, 500, { errors: [{ message: String(error) }] });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey: API_KEY,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, index: Map<string, Stored>) {
  const body = await textOf(request);
  const path = request.url ?? '';
  if (path === '/v1/embeddings') return openAi(request, response, JSON.parse(body));
  if (path === '/broken/embeddings') return send(response, 200, { data: [{ index: 0, embedding: [1, 2] }] });
  if (path.startsWith('/client/v4/accounts/a/ai/run/')) return workersAi(response, JSON.parse(body));
  if (path === '/client/v4/accounts/a/vectorize/v2/indexes/sightline/info')
    return ok(response, { dimensions: model.dimensions, vectorCount: index.size });
  const verb = /^\/client\/v4\/accounts\/a\/vectorize\/v2\/indexes\/sightline\/(\w+)$/.exec(path)?.[1];
  if (verb === 'upsert') return upsert(response, body, index);
  if (verb === 'query') return query(response, JSON.parse(body), index);
  if (verb === 'delete_by_ids') return remove(response, JSON.parse(body), index);
  send(response, 404, { errors: [{ code: 7000, message: 'No route for that URI' }] });
}

async function openAi(request: IncomingMessage, response: ServerResponse, asked: Record<string, unknown>) {
  const refuse = (status: number, message: string) =>
    send(response, status, { error: { message, type: 'invalid_request_error', param: null, code: null } });
  if (request.headers.authorization !== `Bearer ${API_KEY}`) return refuse(401, 'Incorrect API key provided');
  const input = asked.input as string[];
  if (typeof asked.model !== 'string' || !Array.isArray(input)) return refuse(400, 'model and input');
  if (input.length > 2048 || input.includes('')) return refuse(400, "'$.input' is invalid");
  const data = (await vectorsOf(input)).map((embedding, at) => ({
    object: 'embedding',
    index: at,
    embedding,
  }));
  // Order is not promised: `index` tells.
  send(response, 200, {
    object: 'list',
    data: data.toReversed(),
    model: asked.model,
    usage: { prompt_tokens: 1, total_tokens: 1 },
  });
}

async function workersAi(response: ServerResponse, { text }: { text: string | string[] }) {
  const texts = [text].flat();
  if (texts.length > 100) return failed(response, 'Type mismatch of "/text": more than 100 items');
  const data = await vectorsOf(texts);
  ok(response, { shape: [data.length, model.dimensions], data, pooling: 'mean' });
}

function upsert(response: ServerResponse, body: string, index: Map<string, Stored>) {
  const vectors = body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Stored);
  if (vectors.length > 5000) return failed(response, 'too many vectors');
  for (const { id, namespace, values } of vectors) {
    if (Buffer.byteLength(id) > 64 || Buffer.byteLength(namespace) > 64)
      return failed(response, 'id or namespace is too long');
    if (values.length !== model.dimensions)
      return failed(response, `expected ${model.dimensions} dimensions, and got ${values.length}`);
    if (values.every((value) => value === 0)) return failed(response, 'a vector without direction');
  }
  setTimeout(() => {
    for (const vector of vectors) index.set(vector.id, vector);
  }, VISIBLE_AFTER_MS);
  ok(response, { mutationId: crypto.randomUUID() });
}

function query(
  response: ServerResponse,
  { vector, topK, namespace }: { vector: number[]; topK: number; namespace?: string },
  index: Map<string, Stored>,
) {
  if (topK > 100) return failed(response, 'topK must be at most 100');
  if (vector.length !== model.dimensions) return failed(response, 'query vector of another length');
  const matches = [...index.values()]
    .filter((each) => namespace === undefined || each.namespace === namespace)
    .map((each) => ({ id: each.id, namespace: each.namespace, score: cosine(each.values, vector) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK);
  ok(response, { count: matches.length, matches });
}

function remove(response: ServerResponse, { ids }: { ids: string[] }, index: Map<string, Stored>) {
  if (ids.length > 1000) return failed(response, 'too many ids');
  setTimeout(() => {
    for (const id of ids) index.delete(id);
  }, VISIBLE_AFTER_MS);
  ok(response, { mutationId: crypto.randomUUID() });
}

function cosine(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, at) => sum + value * b[at]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
}

async function vectorsOf(texts: string[]): Promise<number[][]> {
  return (await model.embed(texts)).map((vector) => [...vector]);
}

function ok(response: ServerResponse, result: unknown) {
  send(response, 200, { result, success: true, errors: [], messages: [] });
}

function failed(response: ServerResponse, message: string) {
  send(response, 400, { result: null, success: false, errors: [{ code: 40023, message }], messages: [] });
}

function send(response: ServerResponse, status: number, body: unknown) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
