import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import WebSocket from 'ws';

interface Sample {
  used: number;
  backing: number;
  wasm: number;
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
): Promise<() => Promise<Sample & { total: number; samples: number }>> {
  const target = await findTarget(worker, stateDir);
  const socket = new WebSocket(target, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let id = 0;
  const waiting = new Map<number, (result: Record<string, unknown>) => void>();
  let contextId: number | undefined;
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as {
      id?: number;
      result?: Record<string, unknown>;
      params?: { context?: { id: number } };
    };
    contextId ??= message.params?.context?.id;
    if (message.id !== undefined) waiting.get(message.id)?.(message.result ?? {});
  });
  socket.on('close', () => {
    throw new Error('the inspector closed the session');
  });
  const call = (method: string, params: Record<string, unknown> = {}) =>
    new Promise<Record<string, unknown>>((resolve) => {
      id++;
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
  await call('Runtime.enable');

  // workerd evaluates only while the isolate is at work, so this waits for the first sample that shows it busy.
  let prototype: string | undefined;
  const findPrototype = async () => {
    const expression = 'WebAssembly.Memory.prototype';
    const found = (await call('Runtime.evaluate', { expression, contextId })) as {
      result?: { objectId?: string };
    };
    prototype = found.result?.objectId;
  };

  const wasmBytes = async (): Promise<number> => {
    if (!prototype) await findPrototype();
    if (!prototype) return 0;
    const found = (await call('Runtime.queryObjects', {
      prototypeObjectId: prototype,
      objectGroup: 's',
    })) as {
      objects?: { objectId?: string };
    };
    if (!found.objects?.objectId) return 0;
    const sum = (await call('Runtime.callFunctionOn', {
      objectId: found.objects.objectId,
      functionDeclaration: 'function () { return this.reduce((n, m) => n + m.buffer.byteLength, 0); }',
      returnByValue: true,
    })) as { result?: { value?: number } };
    await call('Runtime.releaseObjectGroup', { objectGroup: 's' });
    return sum.result?.value ?? 0;
  };

  let peak: Sample & { total: number } = { used: 0, backing: 0, wasm: 0, total: 0 };
  let samples = 0;
  let running = true;
  let wasm = 0;
  const loop = (async () => {
    while (running) {
      const heap = (await call('Runtime.getHeapUsage')) as { usedSize?: number; backingStorageSize?: number };
      // WebAssembly memory never shrinks, and asking for it forces a collection that would flatter the heap: seldom.
      if (samples % 40 === 0) wasm = Math.max(wasm, await wasmBytes());
      samples++;
      const sample = { used: heap.usedSize ?? 0, backing: heap.backingStorageSize ?? 0, wasm };
      const total = sample.used + sample.backing + sample.wasm;
      if (total > peak.total) peak = { ...sample, total };
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return async () => {
    running = false;
    await loop;
    socket.removeAllListeners('close');
    socket.close();
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
