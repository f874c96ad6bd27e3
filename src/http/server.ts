import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import { logger } from '../logger.ts';
import { boundConnections } from './connections.ts';

/** A server that listens. */
export type HttpServer = {
  /** Where it can be reached, e.g. `http://127.0.0.1:8080`. */
  url: string;
  /** Takes no more requests; resolves when those under way have been answered. */
  close(): Promise<void>;
};

type Fetch = Parameters<typeof getRequestListener>[0];

const defaults = {
  /** Milliseconds for a request's head, and for all of it: a slow sender holds nothing longer. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Milliseconds between two looks at these times: with Node's own 30,000 a head might take 40 seconds. */
  connectionsCheckingInterval: 1000,
  /** Longer than the 60 s after which common proxies close an idle connection, so that they never use one we just closed. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  /** Node would refuse a request without a Host header, but without saying why. */
  requireHostHeader: false,
  /** Open connections. With the POSTs in flight they stay below the 8192 files that a careful system allows. */
  maxConnections: 4000,
  /** Milliseconds without progress in which a client reads nothing of what it asked for. */
  unreadTimeout: 60_000,
};

/** Milliseconds that requests under way have to end when the server closes. */
const graceMs = 5000;

/**
 * Listens for HTTP requests.
 * @param address.host and `port`; further members take the place of the default limits.
 * @throws Error that says so when the port is taken or the address is not this machine's.
 * @example const server = await listen(app.fetch, { host: '127.0.0.1', port: 8080 }); await server.close();
 */
export async function listen(
  fetch: Fetch,
  { host, port, ...given }: { host: string; port: number } & Partial<typeof defaults>,
): Promise<HttpServer> {
  const limits = { ...defaults, ...given };
  const answer = getRequestListener(fetch, { errorHandler: answerUnusual });
  const underWay = new Set<ServerResponse>();
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    underWay.add(outgoing);
    outgoing.once('close', () => underWay.delete(outgoing));
    // RFC 9112, 3.2: several hosts are as bad as none. Node would take the first.
    if ((incoming.headersDistinct['host']?.length ?? 0) > 1) delete incoming.headers.host;
    void answer(incoming, outgoing);
  };
  const server = createServer(limits, handle);
  // RFC 9110, 10.1.1: an expectation we do not know may be ignored. Node would refuse it without a body.
  server.on('checkExpectation', handle);
  server.on('clientError', answerUnreadable);
  server.on('connect', refuseTunnel);
  boundConnections(server, limits.maxConnections, limits.unreadTimeout);
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw new Error(`Cannot listen on ${host}:${port}.`, { cause: error });
  });
  return {
    url: urlOf(server),
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Node waits for their connections too, which clients would keep open for another request.
      for (const outgoing of underWay) hangUpAfter(outgoing);
      const hangUp = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(hangUp);
    },
  };
}

/** A head that has been sent already may have promised to keep the connection. */
function hangUpAfter(outgoing: ServerResponse): void {
  const { socket } = outgoing;
  outgoing.shouldKeepAlive = false;
  outgoing.once('close', () => socket?.destroySoon());
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('The server does not listen on a port.');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

/** A request whose target or host makes no URL never reaches the app. */
function answerUnusual(error: unknown): Response {
  const isTheirs = error instanceof RequestError;
  if (!isTheirs) logger.error({ err: error }, 'request failed');
  const status = isTheirs ? 400 : 500;
  return new Response(problemText(status), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });
}

/** What is not HTTP, or too slow or too large a head, is told so and hung up on. */
function answerUnreadable(error: Error & { code?: string; rawPacket?: Buffer }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
  else refuse(socket, statusOf(error));
}

/** Node leaves the socket of a CONNECT to us: nobody else would hear its errors, or close it. */
function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => {}).once('finish', () => socket.destroy());
  refuse(socket, 501);
}

function refuse(socket: Duplex, status: Status): void {
  const body = problemText(status);
  socket.end(
    `HTTP/1.1 ${status} ${titles[status]}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const titles = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
} as const;
type Status = keyof typeof titles;

const statuses: Record<string, Status> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** The line of a request that would be fine, but for a method that Node does not know. */
const requestLine = /^[\w!#$%&'*+.^`|~-]+ \S+ HTTP\/1\.[01]\r\n/;

function statusOf({ code = '', rawPacket }: { code?: string; rawPacket?: Buffer }): Status {
  const isUnknownMethod = code === 'HPE_INVALID_METHOD' && requestLine.test(String(rawPacket));
  return isUnknownMethod ? 501 : (statuses[code] ?? 400);
}

const details: Record<Status, string> = {
  400: 'The request is not valid HTTP.',
  408: 'The request took too long to arrive.',
  413: 'The extensions of the chunks are larger than 16 KiB.',
  431: 'The headers are larger than 16 KiB.',
  500: 'Something went wrong on our side.',
  501: 'No path takes this method.',
};

function problemText(status: Status): string {
  return JSON.stringify({ title: titles[status], status, detail: details[status], requestId: '' });
}
