import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';

/** One request that a receiver got whole. `connection` numbers its connections from 1; `receivedAt` is `performance.now()`. */
export type ReceivedRequest = {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  receivedAt: number;
  connection: number;
};

/** Answers a request that came in; an answer that is never ended leaves the sender hanging. */
export type Answer = (request: ReceivedRequest, response: ServerResponse) => unknown;

/** What all receivers let a test see and wait for. The waits end as soon as there are `count` in all, or more. */
export type Listener = {
  port: number;
  /** `http://127.0.0.1:<port>`, or `https:`. */
  url: string;
  opened(count: number): Promise<void>;
  closed(count: number): Promise<void>;
  openedCount(): number;
  closedCount(): number;
  /** Stops listening and closes every connection. */
  stop(): Promise<void>;
};

/** A real HTTP receiver on 127.0.0.1. */
export type Receiver = Listener & {
  requests: ReceivedRequest[];
  /** Waits until `count` requests came in all; returns all of them. */
  received(count: number): Promise<ReceivedRequest[]>;
  /** Answers from now on like this; at first with 204. */
  answerWith(answer: Answer): void;
};

/**
 * Starts an HTTP receiver that records what it gets.
 * @param options.tls key and certificate (PEM) for https.
 * @param options.keepAliveMs how long it keeps idle connections open (default: a minute).
 * @example
 * const receiver = await startReceiver();
 * receiver.answerWith((_request, response) => response.writeHead(500).end());
 * const [first] = await receiver.received(1);
 */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const connections = new WeakMap<Socket, number>();
  const signals = new Signals();
  let answer: Answer = accept;

  async function onRequest(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await record(incoming, connections.get(incoming.socket) ?? 0);
    requests.push(request);
    signals.emit('change');
    await answer(request, response);
  }

  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    // A request that breaks off was not received.
    onRequest(incoming, response).catch(() => incoming.socket.destroy());
  };
  const server = options.tls ? createHttpsServer(options.tls, handle) : createHttpServer(handle);
  server.keepAliveTimeout = options.keepAliveMs ?? 60_000;
  let connectionCount = 0;
  server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    connectionCount += 1;
    connections.set(socket, connectionCount);
  });
  const listener = await listen(server, signals, options.tls ? 'https' : 'http');
  return {
    ...listener,
    requests,
    received: (count) => signals.until(() => requests.length >= count).then(() => requests),
    answerWith: (next) => {
      answer = next;
    },
  };
}

const accept: Answer = (_request, response) => response.writeHead(204).end();

type ReceiverOptions = { tls?: { key: string; cert: string }; keepAliveMs?: number };

async function record(incoming: IncomingMessage, connection: number): Promise<ReceivedRequest> {
  const { method = '', url = '', headers } = incoming;
  const body = await text(incoming);
  return { method, url, headers, body, receivedAt: performance.now(), connection };
}

/**
 * Starts a receiver that speaks raw TCP. `behave` gets every connection; see {@link onFirstData} and the behaviours below.
 * @example await startRawReceiver(onFirstData((socket) => socket.end('not HTTP\r\n\r\n')));
 */
export async function startRawReceiver(behave: (socket: Socket) => void): Promise<Listener> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    behave(socket);
  });
  return listen(server, new Signals(), 'http');
}

/** Accepts and reads, and never says anything: TLS handshakes and requests hang. */
export function sayNothing(socket: Socket): void {
  socket.resume();
}

/** Accepts, and reads nothing either: a large body gets stuck. It does not notice when the sender hangs up. */
export function readNothing(socket: Socket): void {
  socket.pause();
}

/** Does this when the first piece of a request comes, and ignores the rest. */
export function onFirstData(act: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => act(socket));
    socket.resume();
  };
}

/** Answers each piece that comes with these bytes. */
export function answerBytes(bytes: string): (socket: Socket) => void {
  return (socket) => socket.on('data', () => socket.write(bytes, 'latin1'));
}

/** Writes `piece` again and again, every `everyMs`, until the sender hangs up; `first` once before. */
export function drip(first: string, piece: string, everyMs = 5): (socket: Socket) => void {
  return onFirstData((socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(piece), everyMs);
    socket.once('close', () => clearInterval(timer));
  });
}

/** Resets the connection (RST, not FIN) once the request begins to come. */
export const reset = onFirstData((socket) => socket.resetAndDestroy());

/**
 * Starts a port on 127.0.0.1 on which connecting hangs: the queue of its connections is full, and the thread that should
 * accept them is asleep. Only Linux drops the packets of further ones.
 */
export async function startDeafListener(): Promise<{ port: number; stop: () => Promise<unknown> }> {
  const worker = new Worker(deafWorker, { eval: true });
  const port: number = await once(worker, 'message').then(([message]) => Number(message));
  // Linux holds one more than the backlog says.
  const queue = [1, 2].map(() => connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(queue.map((socket) => once(socket, 'connect')));
  const stop = () => {
    for (const socket of queue) socket.destroy();
    return worker.terminate();
  };
  return { port, stop };
}

const deafWorker = `
const { parentPort } = require('node:worker_threads');
const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
`;

class Signals extends EventEmitter {
  constructor() {
    super();
    this.setMaxListeners(0);
  }

  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!isTrue()) return;
        this.off('change', check);
        resolve();
      };
      this.on('change', check);
      check();
    });
  }
}

async function listen(server: Server, signals: Signals, scheme: 'http' | 'https'): Promise<Listener> {
  const open = new Set<Socket>();
  let openedCount = 0;
  let closedCount = 0;
  server.on('connection', (socket) => {
    open.add(socket);
    openedCount += 1;
    signals.emit('change');
    socket.once('close', () => {
      open.delete(socket);
      closedCount += 1;
      signals.emit('change');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    opened: (count) => signals.until(() => openedCount >= count),
    closed: (count) => signals.until(() => closedCount >= count),
    openedCount: () => openedCount,
    closedCount: () => closedCount,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
