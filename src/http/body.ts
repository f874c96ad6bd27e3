import type { Context, HonoRequest } from 'hono';
import { createMiddleware } from 'hono/factory';
import { notJson, Problem } from './problem.ts';

/**
 * Bytes of a body that are read although it is too large, and thrown away: a sender who is cut off in the middle may
 * never see why, and its connection would be lost to the next request.
 */
const maxReadBytes = 16 * 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a request body strictly, for the validators that follow: at most `maxBytes`, not encoded, valid UTF-8. A request
 * without a body passes. Stricter than `c.req.json()`, which would replace bytes that are not UTF-8 and store the result.
 * Of two on one request, the first counts.
 */
export const strictBody = (maxBytes: number) =>
  createMiddleware(async (c, next) => {
    if (mayHaveBody(c) && !('text' in c.req.bodyCache)) {
      const encoding = c.req.header('content-encoding');
      if (encoding && encoding.toLowerCase() !== 'identity')
        throw new Problem(415, `The body has the content-encoding ${encoding}: send it without one.`, {
          headers: { 'accept-encoding': 'identity' },
        });
      const bytes = await readBody(c.req, maxBytes);
      // An empty body is none: many clients send the type of JSON with every request.
      if (bytes?.length === 0) c.req.raw.headers.delete('content-type');
      // What `c.req.text()` and `c.req.json()` read from: typed as a value, awaited by both.
      if (bytes) Object.assign(c.req.bodyCache, { text: Promise.resolve(decode(bytes)) });
    }
    await next();
  });

function mayHaveBody(c: Context): boolean {
  return c.req.method !== 'GET' && c.req.method !== 'HEAD';
}

/** @returns null when there is none. */
async function readBody(request: HonoRequest, maxBytes: number): Promise<Uint8Array | null> {
  const { raw } = request;
  const length = request.header('content-length');
  if (length === undefined) return raw.body && readAll(raw.body, maxBytes);
  if (Number(length) > maxReadBytes) throw tooLarge(maxBytes, hangUp);
  // Of a stated length: at once, for a stream costs more than all else that is done for a small request.
  const bytes = new Uint8Array(
    await raw.arrayBuffer().catch(() => {
      throw brokenOff();
    }),
  );
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

/** The JSON of a strictly read body. @throws Problem when it has another type or is not JSON. */
export async function readJson(c: Context): Promise<unknown> {
  const text = await c.req.text();
  if (text === '') throw new Problem(400, 'The body is empty, and so not valid JSON.');
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/json *(;|$)/i.test(type)) throw notJson();
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, 'The body is not valid JSON.');
  }
}

async function readAll(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of whileItComes(body)) {
    length += chunk.length;
    if (length > maxReadBytes) throw tooLarge(maxBytes, hangUp);
    if (length <= maxBytes) chunks.push(chunk);
  }
  if (length > maxBytes) throw tooLarge(maxBytes);
  return Buffer.concat(chunks);
}

async function* whileItComes(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {
    throw brokenOff();
  }
}

/** It is on the sender's side, who will hardly hear the answer. */
function brokenOff(): Problem {
  return new Problem(400, 'The body broke off before its end.');
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem(400, 'The body is not valid UTF-8.');
  }
}

const hangUp = { connection: 'close' };

function tooLarge(maxBytes: number, headers: Record<string, string> = {}): Problem {
  return new Problem(413, `The body is larger than ${maxBytes / 1024 / 1024} MiB: send less at once.`, {
    headers,
  });
}
