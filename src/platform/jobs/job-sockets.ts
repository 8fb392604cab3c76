/**
 * The WebSockets of one job. They keep their object in memory, which a job that runs is anyway. Hibernating ones were
 * tried first: workerd ends the TCP connection of a hibernatable socket only when the object is evicted, so that every
 * client that waits for the end of its close handshake (most do) hung for ten seconds after each job.
 *
 * Every message goes only to who may see it at that moment: before each one, and between them `recheck` apart, the
 * listeners are asked about again. So a logout, a revoked key or a lost membership ends a stream by itself, wherever it
 * happened, and no list of open sockets has to be kept in step with the places that take rights away.
 */
import type { JobEvent } from './job-state.ts';
import type { Watcher } from './watchers.ts';

const NORMAL = 1000;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN = 1013;

export interface Connection {
  watcher: Watcher;
  /** Resume after this event; null starts with a snapshot. */
  after: number | null;
  /** Made when there is nothing to resume. */
  snapshot(): JobEvent;
  since(seq: number): Iterable<JobEvent>;
  ended: boolean;
}

interface Listener {
  watcher: Watcher;
  /** The last event it was sent. */
  seq: number;
}

export class JobSockets {
  readonly #listeners = new Map<WebSocket, Listener>();
  readonly #sees: (watcher: Watcher) => Promise<boolean>;
  readonly #recheck: () => number;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** What is to be sent, in order: each message waits for its check. */
  #queue: Promise<void> = Promise.resolve();

  /**
   * @param sees whether a watcher may still see the job.
   * @param recheck milliseconds between two looks at the listeners of a silent job.
   */
  constructor(sees: (watcher: Watcher) => Promise<boolean>, recheck: () => number) {
    this.#sees = sees;
    this.#recheck = recheck;
  }

  /**
   * Accepts an upgrade and brings the listener up to date. Nothing is awaited between reading the log and accepting,
   * so no event falls between the replay and the live stream.
   */
  accept(connection: Connection): Response {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.accept();
    const listener = { watcher: connection.watcher, seq: connection.after ?? 0 };
    this.#listeners.set(server, listener);
    server.addEventListener('message', ({ data }) => {
      if (data === 'ping') server.send('pong');
    });
    const forget = () => this.#forget(server);
    server.addEventListener('close', forget);
    server.addEventListener('error', forget);
    if (connection.after === null) deliver(server, listener, connection.snapshot());
    for (const event of connection.since(listener.seq)) deliver(server, listener, event);
    if (connection.ended) this.#close(server, NORMAL, ENDED);
    else this.#timer ??= setInterval(() => this.#enqueue(() => this.#dismiss()), this.#recheck());
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Sends the event to every listener that has not had it and may see it. */
  broadcast(event: JobEvent): void {
    if (this.#listeners.size === 0) return;
    this.#enqueue(async () => {
      await this.#dismiss();
      for (const [socket, listener] of this.#listeners) deliver(socket, listener, event);
    });
  }

  /** Closes every listener, when all has been sent: the job is over and all has been said. */
  closeAll(): void {
    if (this.#listeners.size === 0) return;
    this.#enqueue(async () => {
      for (const socket of [...this.#listeners.keys()]) this.#close(socket, NORMAL, ENDED);
    });
  }

  #enqueue(task: () => Promise<void>): void {
    this.#queue = this.#queue.then(task);
  }

  /** Closes the sockets of those who may not see the job any more. One question a watcher, however many sockets. */
  async #dismiss(): Promise<void> {
    const asked = new Map<string, Promise<boolean | null>>();
    const verdicts = [...this.#listeners].map(async ([socket, { watcher }]) => {
      const name = JSON.stringify(watcher);
      // A database that does not answer says nothing about rights: the client may come back and ask for the rest.
      const verdict = asked.get(name) ?? this.#sees(watcher).catch(() => null);
      asked.set(name, verdict);
      const sees = await verdict;
      if (sees === null) this.#close(socket, TRY_AGAIN, 'Your access could not be checked; connect again');
      else if (!sees) this.#close(socket, POLICY_VIOLATION, 'Your access has ended');
    });
    await Promise.all(verdicts);
  }

  #close(socket: WebSocket, code: number, reason: string): void {
    this.#forget(socket);
    socket.close(code, reason);
  }

  #forget(socket: WebSocket): void {
    this.#listeners.delete(socket);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const ENDED = 'The job has ended';

function deliver(socket: WebSocket, listener: Listener, event: JobEvent): void {
  if (event.type !== 'job.snapshot' && event.seq <= listener.seq) return;
  listener.seq = event.seq;
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
}
