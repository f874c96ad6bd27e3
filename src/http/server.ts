import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import { logger } from '../logger.ts';

/** A server that listens. */
export type HttpServer = {
  /** Where it can be reached, e.g. `http://127.0.0.1:8080`. */
  url: string;
  /** Takes no more requests; resolves when those under way have been answered. */
  close(): Promise<void>;
};

type Fetch = Parameters<typeof getRequestListener>[0];

const limits = {
  /** Milliseconds for a request's head, and for all of it: a slow sender holds nothing longer. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Longer than the 60 s after which common proxies close an idle connection, so that they never use one we just closed. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  /** Node would refuse a request without a Host header, but without saying why. */
  requireHostHeader: false,
};

/** Milliseconds that requests under way have to end when the server closes. */
const graceMs = 5000;

/**
 * Listens for HTTP requests.
 * @throws Error that says so when the port is taken or the address is not this machine's.
 * @example const server = await listen(app.fetch, { host: '127.0.0.1', port: 8080 }); await server.close();
 */
export async function listen(
  fetch: Fetch,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const answer = getRequestListener(fetch, { errorHandler: answerUnusual });
  const underWay = new Set<ServerResponse>();
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    underWay.add(outgoing);
    outgoing.once('close', () => underWay.delete(outgoing));
    void answer(incoming, outgoing);
  };
  const server = createServer(limits, handle);
  // RFC 9110, 10.1.1: an expectation we do not know may be ignored. Node would refuse it without a body.
  server.on('checkExpectation', handle);
  server.on('clientError', answerUnreadable);
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
function answerUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = statusOfCode(error.code);
  const body = problemText(status);
  socket.end(
    `HTTP/1.1 ${status} ${titles[status]}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const titles = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
} as const;
type Status = keyof typeof titles;

function statusOfCode(code: string | undefined): Status {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

const details: Record<Status, string> = {
  400: 'The request is not valid HTTP.',
  408: 'The request took too long to arrive.',
  431: 'The headers are larger than 16 KiB.',
  500: 'Something went wrong on our side.',
};

function problemText(status: Status): string {
  return JSON.stringify({ title: titles[status], status, detail: details[status], requestId: '' });
}
