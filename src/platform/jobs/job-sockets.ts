/** The hibernating WebSockets of one job. A socket's attachment is the number of the last event it was sent. */
import type { JobEvent } from './job-state.ts';

const NORMAL = 1000;

/** Sends the event to every listener that has not had it. */
export function broadcast(ctx: DurableObjectState, event: JobEvent): void {
  for (const socket of ctx.getWebSockets()) deliver(socket, event);
}

/** Closes every listener: the job is over and all has been said. */
export function closeAll(ctx: DurableObjectState): void {
  for (const socket of ctx.getWebSockets()) socket.close(NORMAL, 'The job has ended');
}

export interface Connection {
  /** Resume after this event; null starts with a snapshot. */
  after: number | null;
  /** Made when there is nothing to resume. */
  snapshot(): JobEvent;
  since(seq: number): Iterable<JobEvent>;
  ended: boolean;
}

/**
 * Accepts an upgrade and brings the listener up to date. Nothing is awaited between reading the log and accepting, so
 * no event falls between the replay and the live stream.
 */
export function accept(ctx: DurableObjectState, connection: Connection): Response {
  const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
  ctx.acceptWebSocket(server);
  setSent(server, connection.after ?? 0);
  if (connection.after === null) deliver(server, connection.snapshot());
  for (const event of connection.since(sent(server))) deliver(server, event);
  if (connection.ended) server.close(NORMAL, 'The job has ended');
  return new Response(null, { status: 101, webSocket: client });
}

function deliver(socket: WebSocket, event: JobEvent): void {
  if (event.type !== 'job.snapshot' && event.seq <= sent(socket)) return;
  setSent(socket, event.seq);
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
}

function sent(socket: WebSocket): number {
  const attachment: unknown = socket.deserializeAttachment();
  return typeof attachment === 'number' ? attachment : 0;
}

function setSent(socket: WebSocket, seq: number): void {
  socket.serializeAttachment(seq);
}
