import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import WebSocket from 'ws';

interface Sample {
  used: number;
  backing: number;
  wasm: number;
}

export interface HeapPeak extends Sample {
  total: number;
  samples: number;
}

/** One inspector session; a call of a session that ended answers `{}`. */
class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: object) => void>();
  #id = 0;
  #contextId: number | undefined;
  #prototype: string | undefined;
  closed = false;

  static async open(target: string): Promise<Session> {
    const socket = new WebSocket(target, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const session = new Session(socket);
    await session.call('Runtime.enable');
    return session;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as {
        id?: number;
        result?: object;
        params?: { context?: { id: number } };
      };
      this.#contextId ??= message.params?.context?.id;
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message.result ?? {});
    });
    socket.on('close', () => {
      this.closed = true;
      for (const resolve of this.#waiting.values()) resolve({});
    });
  }

  call<T extends object>(method: string, params: Record<string, unknown> = {}): Promise<Partial<T>> {
    if (this.closed) return Promise.resolve({});
    return new Promise((resolve) => {
      this.#id++;
      this.#waiting.set(this.#id, resolve);
      this.#socket.send(JSON.stringify({ id: this.#id, method, params }));
    });
  }

  close(): void {
    this.#socket.close();
  }

  /** The sum of all WebAssembly memories, 0 when it cannot be told now. */
  async wasmBytes(): Promise<number> {
    const expression = 'WebAssembly.Memory.prototype';
    const evaluated = { expression, contextId: this.#contextId };
    this.#prototype ??= (
      await this.call<{ result: { objectId?: string } }>('Runtime.evaluate', evaluated)
    ).result?.objectId;
    if (!this.#prototype) return 0;
    const query = { prototypeObjectId: this.#prototype, objectGroup: 'memories' };
    const { objects } = await this.call<{ objects: { objectId?: string } }>('Runtime.queryObjects', query);
    if (!objects?.objectId) return 0;
    const sum = await this.call<{ result: { value?: number } }>('Runtime.callFunctionOn', {
      objectId: objects.objectId,
      functionDeclaration: 'function () { return this.reduce((n, m) => n + m.buffer.byteLength, 0); }',
      returnByValue: true,
    });
    await this.call('Runtime.releaseObjectGroup', { objectGroup: 'memories' });
    return sum.result?.value ?? 0;
  }
}

/**
 * Samples an isolate's memory through workerd's own inspector: V8 heap in use, backing stores, and every WebAssembly
 * memory. (wrangler's inspector proxy shows the first Worker of a session only.)
 * @param worker id of the inspector's target, e.g. `core:user:sightline-indexer`.
 * @param stateDir of the server whose Worker is meant: others may run.
 * @returns a function that ends the sampling and answers the peak of the sum, in bytes, with its parts.
 */
export async function sampleHeap(
  worker: string,
  stateDir: string,
  everyMs = 50,
): Promise<() => Promise<HeapPeak>> {
  const target = await findTarget(worker, stateDir);
  let session = await Session.open(target);
  let peak: Sample & { total: number } = { used: 0, backing: 0, wasm: 0, total: 0 };
  let samples = 0;
  let running = true;
  let wasm = 0;
  let before = -1;
  const loop = (async () => {
    while (running) {
      if (session.closed) session = await Session.open(target);
      const { usedSize = 0, backingStorageSize = 0 } = await session.call<{
        usedSize?: number;
        backingStorageSize?: number;
      }>('Runtime.getHeapUsage');
      // WebAssembly memory never shrinks, and asking for it collects garbage, which would flatter the heap: seldom.
      // workerd evaluates only while the isolate is at work, and ends the session otherwise.
      if (++samples % 20 === 0 && usedSize !== before) wasm = Math.max(wasm, await session.wasmBytes());
      before = usedSize;
      const total = usedSize + backingStorageSize + wasm;
      if (total > peak.total) peak = { used: usedSize, backing: backingStorageSize, wasm, total };
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return async () => {
    running = false;
    await loop;
    session.close();
    return { ...peak, samples };
  };
}

/**
 * The debugger address of a target (Linux). workerd picks the inspector's port itself and tells only wrangler, so the
 * listening sockets of every workerd are asked, in the order they were opened: a later one speaks Cap'n Proto and would
 * break at an HTTP request.
 */
async function findTarget(worker: string, stateDir: string): Promise<string> {
  const portOf = new Map(
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => /: 0100007F:([0-9A-F]{4}) \S+ 0A (?:\S+\s+){5}(\d+)/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[2]!, Number.parseInt(match[1]!, 16)]),
  );
  const sockets = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && readOrEmpty(`/proc/${pid}/comm`) === 'workerd\n')
    .filter((pid) => readOrEmpty(`/proc/${parentOf(pid)}/cmdline`).includes(stateDir))
    .flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).map((fd) => ({
        fd: Number(fd),
        link: linkOrEmpty(`/proc/${pid}/fd/${fd}`),
      })),
    )
    .map(({ fd, link }) => ({ fd, port: portOf.get(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? '') }))
    .filter(({ port }) => port !== undefined)
    .sort((a, b) => a.fd - b.fd);
  for (const { port } of sockets) {
    const signal = AbortSignal.timeout(1_000);
    const answer = await fetch(`http://127.0.0.1:${port}/json`, { signal }).catch(() => null);
    const body = answer?.ok ? await answer.text().catch(() => '') : '';
    if (!body.startsWith('[')) continue;
    const targets = JSON.parse(body) as { id: string; webSocketDebuggerUrl: string }[];
    const target = targets.find(({ id }) => id === worker);
    if (target) return target.webSocketDebuggerUrl;
  }
  throw new Error(`no inspector target ${worker}`);
}

function parentOf(pid: string): string {
  return readOrEmpty(`/proc/${pid}/stat`).split(' ')[3] ?? '';
}

/** A process may end between listing and reading. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function linkOrEmpty(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
