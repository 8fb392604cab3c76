/** A call that the API answered with a problem document. */
export class ApiError extends Error {
  readonly status: number;
  constructor(method: string, path: string, status: number, detail: string) {
    super(`${method} ${path}: ${status} ${detail}`);
    this.status = status;
  }
}

/** The few calls that our own command-line tools make, with the admin's key. Paths are below `/api/v1`. */
export class Api {
  readonly url: string;
  readonly key: string;
  constructor(url: string, key: string) {
    this.url = url;
    this.key = key;
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('POST', path, body);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        'x-api-key': this.key,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new ApiError(method, path, response.status, detailOf(text));
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  /** A socket on a job's events, by a single-use ticket so that the key never stands in a URL. */
  async jobSocket(jobId: string, after?: number): Promise<WebSocket> {
    const { ticket } = await this.post<{ ticket: string }>('/auth/ws-ticket', {});
    const query = new URLSearchParams({
      token: ticket,
      ...(after === undefined ? {} : { after: String(after) }),
    });
    return new WebSocket(`${this.url.replace(/^http/, 'ws')}/ws/jobs/${encodeURIComponent(jobId)}?${query}`);
  }
}

function detailOf(text: string): string {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail);
  } catch {
    // Not JSON: a proxy's page, say. Its first line is the best there is.
  }
  return text.slice(0, 200);
}
