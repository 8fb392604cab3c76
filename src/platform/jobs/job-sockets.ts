/**
 * The WebSockets of one job. They keep their object in memory, which a job that runs is anyway. Hibernating ones were
 * tried first: workerd ends the TCP connection of a hibernatable socket only when the object is evicted, so that every
 * client that waits for the end of its close handshake (most do) hung for ten seconds after each job.
 */
import type { JobEvent } from './job-state.ts';

const NORMAL = 1000;

export interface Connection {
  /** Resume after this event; null starts with a snapshot. */
  after: number | null;
  /** Made when there is nothing to resume. */
  snapshot(): JobEvent;
  since(seq: number): Iterable<JobEvent>;
  ended: boolean;
}

export class JobSockets {
  /** Each open socket with the number of the last event it was sent. */
  readonly #sent = new Map<WebSocket, number>();

  /**
   * Accepts an upgrade and brings the listener up to date. Nothing is awaited between reading the log and accepting,
   * so no event falls between the replay and the live stream.
   */
  accept(connection: Connection): Response {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.accept();
    this.#sent.set(server, connection.after ?? 0);
    server.addEventListener('message', ({ data }) => {
      if (data === 'ping') server.send('pong');
    });
    const forget = () => this.#sent.delete(server);
    server.addEventListener('close', forget);
    server.addEventListener('error', forget);
    if (connection.after === null) this.#deliver(server, connection.snapshot());
    for (const event of connection.since(this.#sent.get(server) ?? 0)) this.#deliver(server, event);
    if (connection.ended) this.#close(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Sends the event to every listener that has not had it. */
  broadcast(event: JobEvent): void {
    for (const socket of this.#sent.keys()) this.#deliver(socket, event);
  }

  /** Closes every listener: the job is over and all has been said. */
  closeAll(): void {
    for (const socket of [...this.#sent.keys()]) this.#close(socket);
  }

  #deliver(socket: WebSocket, event: JobEvent): void {
    if (event.type !== 'job.snapshot' && event.seq <= (this.#sent.get(socket) ?? 0)) return;
    this.#sent.set(socket, event.seq);
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
  }

  #close(socket: WebSocket): void {
    this.#sent.delete(socket);
    socket.close(NORMAL, 'The job has ended');
  }
}
