import { once } from 'node:events';
import { isIP, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect as connectByTls } from 'node:tls';
import { metrics } from '../metrics.ts';
import type { Tls } from './tls.ts';

/** Where a server listens: `path` is that of a Unix socket. */
type Address = { host: string; port: number } | { path: string };

/** How the sockets of a pool are made. */
export type SocketOptions = {
  /** Tried in their order until one answers. */
  addresses: Address[];
  /** Begins each time with the address after the last: for a driver that hangs up on servers it does not like. */
  rotates: boolean;
  /** Null: without TLS. */
  tls: Tls | null;
  /** Milliseconds that connecting to one address may take. */
  connectMs: number;
  /** Milliseconds of silence after which a connection is given up. */
  silentMs: number;
};

/** Milliseconds between two looks at what has come. */
const lookMs = 1000;

/**
 * The sockets of a pool. The driver gets them connected, and loses them in one way, by whatever they end, so that it
 * forgets no statement: an error if there was one, and a turn of the event loop later a close without one.
 *
 * A server that vanished without a word is noticed after `silentMs`; by itself TCP would hold on for a quarter of an hour.
 * Idle connections must be closed before that. One that listens for notifications may be silent.
 * @example const sockets = new Sockets(options); postgres({ ...parsed, socket: sockets.open });
 */
export class Sockets {
  readonly #options: SocketOptions;
  readonly #losing = new Set<Socket>();
  #first = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  /** Makes one. The driver waits for ever after an exception: a socket that could not be connected fails in its hands. */
  readonly open = async ({ idle_timeout }: { idle_timeout: number | null }): Promise<Socket> => {
    const { addresses, rotates, silentMs } = this.#options;
    let failure: unknown;
    const first = rotates ? this.#first++ : 0;
    for (let n = 0; n < addresses.length; n += 1) {
      const address = addresses[(first + n) % addresses.length];
      if (!address) break;
      try {
        const socket = await connect(address, this.#options);
        if (idle_timeout !== null) watch(socket, silentMs);
        return this.#tame(socket);
      } catch (error) {
        failure = error;
      }
    }
    const failed = this.#tame(new Socket());
    setImmediate(() => failed.destroy(failure instanceof Error ? failure : new Error(String(failure))));
    return failed;
  };

  /**
   * Runs `work` at once, but not while a socket is just being lost and the driver does not know yet. What it is given to
   * write on such a one, it keeps, and never gets the next connection open.
   */
  whenSteady(work: () => unknown): unknown {
    return this.#losing.size === 0 ? work() : nextTurn().then(() => this.whenSteady(work));
  }

  /**
   * After an error the driver still hands statements to a socket until it closes. On a close by an error it takes them for
   * rejected already, and they would never be: so it is told of every close as one without. What it has begun to write,
   * it writes within a turn.
   */
  #tame(socket: Socket): Socket {
    metrics.databaseConnections.inc('begun');
    const emit = socket.emit.bind(socket);
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error) => {
      if (!socket.destroyed) this.#losing.add(socket);
      return destroy(error);
    };
    const close = async () => {
      // One that we did not end ourselves is lost, or could not be made.
      if (!socket.writableEnded) metrics.databaseConnections.inc('lost');
      await nextTurn();
      await nextTurn();
      emit('close', false);
      this.#losing.delete(socket);
    };
    socket.emit = (event: string, ...values: unknown[]) => {
      if (event !== 'close') return emit(event, ...values);
      void close();
      return true;
    };
    return socket;
  }
}

async function connect(address: Address, { tls, connectMs }: SocketOptions): Promise<Socket> {
  const signal = AbortSignal.timeout(connectMs);
  const socket = new Socket();
  try {
    endWithError(socket).connect(address);
    await once(socket, 'connect', { signal });
    return tls && 'host' in address ? await secure(socket, address.host, tls, signal) : socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? new ConnectTimeout() : error;
  }
}

/** What a client asks before TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest. */
const tlsRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

async function secure(socket: Socket, host: string, tls: Tls, signal: AbortSignal): Promise<Socket> {
  socket.write(tlsRequest);
  const [answer]: Buffer[] = await once(socket, 'data', { signal });
  // Anything behind the one letter was put there by somebody on the way.
  const isOffered = answer?.toString('latin1') === 'S';
  if (!isOffered && tls.isOptional) return socket;
  if (!isOffered) throw new Error('The database does not offer TLS.');
  // The name is what the certificate is compared with; an address is not sent to the server.
  const named = isIP(host) ? { host } : { host, servername: host };
  const secured = connectByTls({ socket, ...named, ...tls.options });
  await once(endWithError(secured), 'secureConnect', { signal });
  return secured;
}

/**
 * Without an error on a connection that the other side ends without a word, the driver forgets the socket first, and then
 * ends the process: it still writes the rollback of a transaction that was under way.
 */
function endWithError(socket: Socket): Socket {
  return socket.on('error', () => {}).once('end', () => socket.destroy(new ConnectionEnded()));
}

/** The other side ended a connection without a word. */
class ConnectionEnded extends Error {
  override name = 'ConnectionEnded';
  readonly code = 'ECONNRESET';
  override message = 'The database ended the connection.';
}

/** Nothing came in time. */
class ConnectTimeout extends Error {
  override name = 'ConnectTimeout';
  readonly code = 'CONNECT_TIMEOUT';
  override message = 'The database did not answer in time.';
}

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
