import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** V8's heap of a thread; grammars have their own bound (`parse/runtime.ts`). */
const HEAP_MB = 256;

export interface ParsePool {
  /** A framed batch of blobs → its framed rows (`ingest/indexing/row-frames.ts`). @throws Error when the thread ends */
  parse(framed: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface Task {
  framed: Uint8Array<ArrayBuffer>;
  resolve(rows: Uint8Array): void;
  reject(error: Error): void;
}

/** Threads that parse, one batch each at a time, the rest in order of arrival. A thread that ends is replaced. */
export function startParsePool(threads: number): ParsePool {
  let waiting: Task[] = [];
  const idle = new Set<Worker>();
  const busy = new Map<Worker, Task>();
  let closed = false;
  let broken: Error | undefined;

  const next = () => {
    for (const worker of idle) {
      const task = waiting.shift();
      if (!task) return;
      idle.delete(worker);
      busy.set(worker, task);
      worker.postMessage(task.framed, [task.framed.buffer]);
    }
  };
  const fail = (error: Error) => {
    broken = error;
    for (const task of waiting) task.reject(error);
    waiting = [];
  };
  const add = () => {
    const worker = new Worker(fileURLToPath(new URL('./parse-thread.ts', import.meta.url).href), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.unref();
    idle.add(worker);
    let answered = false;
    worker.on('message', (rows: Uint8Array) => {
      answered = true;
      busy.get(worker)?.resolve(rows);
      busy.delete(worker);
      idle.add(worker);
      next();
    });
    let reason = new Error('a parse thread ended');
    worker.on('error', (error: Error) => {
      reason = error;
    });
    worker.on('exit', () => {
      idle.delete(worker);
      busy.get(worker)?.reject(reason);
      busy.delete(worker);
      // One that never answered would not the next time either.
      if (answered && !closed) add();
      else if (idle.size + busy.size === 0) fail(reason);
      next();
    });
  };
  for (let n = 0; n < threads; n++) add();

  return {
    parse(framed) {
      if (broken) return Promise.reject(broken);
      return new Promise((resolve, reject) => {
        waiting.push({ framed, resolve, reject });
        next();
      });
    },
    async close() {
      closed = true;
      await Promise.all([...idle, ...busy.keys()].map((worker) => worker.terminate()));
    },
  };
}
