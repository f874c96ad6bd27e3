import type { Socket } from 'node:net';
import { type buildConnector, Client } from 'undici';
import type { Deadline } from './deadline.ts';
import { type BodyReader, type Ended, Exchange } from './exchange.ts';
import { skipInterimResponses } from './interim-responses.ts';

/** What is sent on a connection. */
export type Message = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers: Record<string, string>;
  body: string | Buffer | null;
};

/** One open connection to the host of one origin. It carries one request at a time. */
export class Connection {
  /** E.g. `https://example.com`. It, and the address behind it, passed the guard when the connection was opened. */
  readonly origin: string;
  readonly #socket: Socket;
  readonly #client: Client;
  readonly #expectHead: () => void;
  #idleSince = 0;

  /** @param socket connected (and secured) to the host of `origin`; it is the connection's to destroy from here on. */
  constructor(origin: string, socket: Socket) {
    this.origin = origin;
    this.#socket = socket;
    this.#expectHead = skipInterimResponses(socket, maxHeadBytes);
    this.#client = new Client(origin, { ...clientOptions, connect: handOver(socket) });
  }

  /**
   * Sends one request and waits until its exchange is over. It is written at most once, and never on another connection.
   * Destroy the connection afterwards unless the answer is complete: the exchange may have been cut off at the deadline.
   * @param url one of this origin, which passed the guard.
   * @throws what undici says of a request that it cannot write, such as an invalid header: that is a bug.
   */
  exchange(
    url: URL,
    { method, headers, body }: Message,
    reader: BodyReader,
    deadline: Deadline,
  ): Promise<Ended> {
    const path = url.pathname + url.search;
    return new Promise((settle, crash) => {
      const exchange = new Exchange(deadline, reader, { onStart: this.#expectHead, settle, crash });
      deadline.onPassed(() => exchange.cut());
      this.#client.dispatch({ path, method, headers, body, idempotent: false }, exchange);
    });
  }

  /** Whether nothing is left over from the last exchange, so that another one may follow. */
  get isClean(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && this.#socket.writableLength === 0;
  }

  /** Starts the idle time, after which undici closes the connection. */
  rest(): void {
    this.#idleSince = performance.now();
  }

  /** Whether the idle time is not over; a busy event loop closes connections late. */
  get isFresh(): boolean {
    return this.isClean && performance.now() - this.#idleSince < maxIdleMs;
  }

  /** Calls back once, when the connection is closed by either side. */
  onClosed(forget: () => void): void {
    this.#socket.once('close', forget);
  }

  /** Closes the connection at once, and whatever is under way on it. */
  destroy(): void {
    this.#client.destroy(null, nothing);
    this.#socket.destroy();
  }
}

/**
 * Milliseconds that a connection may wait for the next request. Receivers close theirs after some seconds of silence,
 * and a POST that crosses this on the way is lost, since it is never repeated: 100 stays well below any of them.
 */
const maxIdleMs = 100;

/** Bytes of the head of an answer, which is not used but for its status: Node's own limit. */
const maxHeadBytes = 16 * 1024;

const clientOptions: Client.Options = {
  pipelining: 1,
  maxHeaderSize: maxHeadBytes,
  // 0: none. The deadline rules; undici's own timers are up to half a second late.
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: maxIdleMs,
  keepAliveMaxTimeout: maxIdleMs,
  // Milliseconds by which a receiver's `keep-alive: timeout=1` is shortened; its default of 2000 would forbid reuse.
  keepAliveTimeoutThreshold: 500,
};

/**
 * Gives undici this one socket, and an error whenever it wants to connect again: a request that it takes back from a
 * lost connection must not travel on another one.
 */
function handOver(socket: Socket): buildConnector.connector {
  let isHandedOver = false;
  return (_options, callback) => {
    const again = isHandedOver;
    isHandedOver = true;
    // Later, because undici forgets to go on when it is called back at once.
    queueMicrotask(() =>
      again ? callback(new Error('The connection is gone.'), null) : callback(null, socket),
    );
  };
}

function nothing(): void {}
