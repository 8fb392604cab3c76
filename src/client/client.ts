/** The API for TypeScript: openapi-fetch over types that `npm run client` makes, and what a job needs beside them. */
import createFetchClient, { type Client as FetchClient } from 'openapi-fetch';
import type { components, paths } from './schema.d.ts';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

/** An answer that is no success. `problem` is null where something other than the API answered, a proxy say. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | null;
  constructor(what: string, status: number, error: unknown) {
    const problem = isProblem(error) ? error : null;
    super(`${what}: ${status} ${problem?.detail ?? String(error ?? '').slice(0, 200)}`);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
  }
}

/** A job that failed, was cancelled, or could not be followed to its end. */
export class JobError extends Error {
  readonly jobId: string;
  constructor(jobId: string, reason: string) {
    super(`job ${jobId}: ${reason}`);
    this.name = 'JobError';
    this.jobId = jobId;
  }
}

/** A message of a job's socket. */
export interface JobEvent {
  type: 'job.snapshot' | 'job.progress' | 'job.completed' | 'job.failed' | 'job.cancelled';
  seq: number;
  payload: {
    progress?: number;
    stage?: string;
    message?: string;
    filesProcessed?: number;
    filesTotal?: number;
    result?: { filesIndexed?: number; filesSkipped?: number };
    error?: { code: string; message: string };
  };
}

interface ClientOptions {
  /** Where the API answers: `https://sightline.example`. */
  baseUrl: string;
  apiKey?: string;
  /** An access token, instead of a key. */
  token?: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  fetch?: (request: Request) => Promise<Response>;
}

export interface Client extends FetchClient<paths, `${string}/${string}`> {
  /** A socket on a job's events, by a single-use ticket, so that no key stands in a URL. */
  jobSocket(jobId: string, after?: number): Promise<WebSocket>;
  /**
   * Follows a job to its end, and answers with its last event; `onEvent` gets those before. After a drop it resumes
   * where it was.
   * @throws JobError when the job fails, is cancelled, or cannot be reached any more
   */
  waitForJob(jobId: string, onEvent?: (event: JobEvent) => void): Promise<JobEvent>;
}

const RECONNECTS = 20;
const RECONNECT_MS = 500;

/**
 * A client of one deployment. Paths, parameters, bodies and answers have types; an answer that is no success comes back
 * as `error`, a problem document, or is thrown by `answer`.
 *
 * @example
 * const api = createClient({ baseUrl: 'http://127.0.0.1:8787', apiKey });
 * const { data, error } = await api.GET('/api/v1/repos/{name}', { params: { path: { name: 'my-lib' } } });
 * const { jobId } = await answer(api.POST('/api/v1/repos/{name}/sync', {
 *   params: { path: { name: 'my-lib' } }, body: { ref: 'main' } }));
 * await api.waitForJob(jobId);
 */
export function createClient({ baseUrl, apiKey, token, headers, fetch }: ClientOptions): Client {
  const api = createFetchClient<paths>({
    baseUrl,
    headers: {
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(fetch ? { fetch } : {}),
  });
  const jobSocket = async (jobId: string, after?: number) => {
    const { ticket } = await answer(api.POST('/api/v1/auth/ws-ticket'));
    const query = new URLSearchParams({ ticket, ...(after === undefined ? {} : { after: String(after) }) });
    return new WebSocket(`${baseUrl.replace(/^http/, 'ws')}/ws/jobs/${encodeURIComponent(jobId)}?${query}`);
  };
  return {
    ...api,
    jobSocket,
    waitForJob: (jobId, onEvent = () => undefined) => follow(jobSocket, jobId, onEvent),
  };
}

interface Result {
  data?: unknown;
  error?: unknown;
  response: Response;
}
/** The data of those results that are no error. */
type DataOf<R extends Result> = Extract<R, { error?: never }>['data'];

/**
 * What a call answers.
 * @throws ApiError when that is no success
 */
export async function answer<R extends Result>(call: Promise<R>): Promise<DataOf<R>> {
  const { data, error, response } = await call;
  if (!response.ok) throw new ApiError(placeOf(response), response.status, error);
  return data as DataOf<R>;
}

function placeOf({ url }: Response): string {
  return url === '' ? 'the API' : new URL(url).pathname;
}

async function follow(
  open: Client['jobSocket'],
  jobId: string,
  onEvent: (event: JobEvent) => void,
): Promise<JobEvent> {
  let after: number | undefined;
  for (let attempt = 0; attempt <= RECONNECTS; attempt++) {
    const last = await listen(await open(jobId, after), (event) => {
      after = event.seq;
      onEvent(event);
    });
    if (last?.type === 'job.completed') return last;
    if (last) throw new JobError(jobId, last.payload.error?.message ?? last.type);
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
  throw new JobError(jobId, 'its events could not be reached any more');
}

/** @returns the terminal event as soon as it is there, or null when the socket closed without one. */
function listen(socket: WebSocket, onEvent: (event: JobEvent) => void): Promise<JobEvent | null> {
  return new Promise((resolve) => {
    socket.addEventListener('message', (message: MessageEvent) => {
      const event = JSON.parse(String(message.data)) as JobEvent;
      if (!['job.completed', 'job.failed', 'job.cancelled'].includes(event.type)) return onEvent(event);
      resolve(event);
      socket.close();
    });
    socket.addEventListener('close', () => resolve(null)); // follows an error too
  });
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'error_code' in error && 'detail' in error;
}
