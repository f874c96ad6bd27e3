import { connect, type Socket } from 'node:net';
import { adminKey } from '../support/service.ts';

/** What came back over a socket until it was closed. `status` is 0 when that was nothing. */
export type RawAnswer = { status: number; head: string; body: string };

/** Opens a connection to the service at `url`. Errors only end it. */
export function openSocket(url: string): Socket {
  return connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
}

/**
 * Writes bytes that `fetch` would refuse to, and reads until the service closes the connection.
 * @param options.end also ends our side after the last byte.
 * @example await sendRaw(service.url, head('GET /v1/locations', { connection: 'close' }));
 */
export async function sendRaw(url: string, bytes: string | Buffer, { end = false } = {}): Promise<RawAnswer> {
  const socket = openSocket(url);
  socket.write(bytes, 'latin1');
  if (end) socket.end();
  return readAnswer(socket);
}

/** Reads a connection until it is closed, however that happens. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  let text = '';
  socket.setEncoding('utf8').on('data', (piece) => {
    text += piece;
  });
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  const [head = '', body = ''] = text.split(/\r\n\r\n([^]*)/);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, body };
}

/** The head of a request with the admin key; `headers` are written as they are, in their order. */
export function head(line: string, headers: Record<string, string> | [string, string][] = {}): string {
  const own = [
    ['host', 'bellhop.example'],
    ['authorization', `Bearer ${adminKey}`],
  ];
  const lines = [...own, ...(Array.isArray(headers) ? headers : Object.entries(headers))];
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
