import { Socket } from 'node:net';
import { metrics } from '../metrics.ts';

/** Where the driver wants to connect to: `path` is that of a Unix socket. `idle_timeout` null: it listens for notifications. */
type Target = { host: string[]; port: number[]; path?: string | false; idle_timeout: number | null };

/** Milliseconds between two looks at what has come. */
const lookMs = 1000;

/**
 * Makes a socket for a pool, which begins to connect. One that hears nothing for `silentMs` is destroyed: a server that
 * vanished without a word is so noticed; by itself TCP would hold on for a quarter of an hour. Idle connections must be
 * closed before that. One that listens for notifications may be silent.
 */
export function openWatchedSocket({ host, port, path, ...target }: Target, silentMs: number): Socket {
  const socket = new Socket();
  socket.connect(path ? { path } : { host: host[0] ?? '', port: port[0] ?? 0 });
  socket.once('end', () => socket.destroy(new ConnectionEnded()));
  measure(socket);
  closeWithoutError(socket);
  if (target.idle_timeout !== null) watch(socket, silentMs);
  return socket;
}

/** One that we did not end ourselves is lost, or could not be made. */
function measure(socket: Socket): void {
  metrics.databaseConnections.inc('begun');
  socket.once('close', () => {
    if (!socket.writableEnded) metrics.databaseConnections.inc('lost');
  });
}

/**
 * The other side ended a connection without a word. Without an error the driver forgets the socket first, and then ends
 * the process: it still writes the rollback of a transaction that was under way.
 */
class ConnectionEnded extends Error {
  override name = 'ConnectionEnded';
  readonly code = 'ECONNRESET';
  override message = 'The database ended the connection.';
}

/**
 * After an error the driver still hands statements to a socket until it closes. On a close by an error it takes them for
 * rejected already, and they would never be: so it is told of every close as one without.
 */
function closeWithoutError(socket: Socket): void {
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string, ...values: unknown[]) =>
    emit(event, ...(event === 'close' ? [false] : values));
}

/** By its counter: with TLS the driver takes every listener off, and wraps it. */
function watch(socket: Socket, silentMs: number): void {
  let bytes = 0;
  let heardAt = performance.now();
  const timer = setInterval(() => {
    if (socket.bytesRead !== bytes) heardAt = performance.now();
    bytes = socket.bytesRead;
    if (performance.now() - heardAt > silentMs) socket.destroy();
    if (socket.destroyed) clearInterval(timer);
  }, lookMs).unref();
}
