import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { Problem } from './problem.ts';

/** Bytes. An event is about 200, so 1,000 of them leave ample room. */
const maxBytes = 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a request body strictly, for the validators that follow: at most 1 MiB, not encoded, valid UTF-8. A request
 * without a body passes. Stricter than `c.req.json()`, which would replace bytes that are not UTF-8 and store the result.
 */
export const strictBody = createMiddleware(async (c, next) => {
  const { body } = c.req.raw;
  if (body) {
    const encoding = c.req.header('content-encoding');
    if (encoding && encoding !== 'identity')
      throw new Problem(415, `The body has the content-encoding ${encoding}: send it without one.`);
    if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge();
    const decoded = decode(await readAll(body));
    // What `c.req.text()` and `c.req.json()` read from: typed as a value, awaited by both.
    Object.assign(c.req.bodyCache, { text: Promise.resolve(decoded) });
  }
  await next();
});

/** The JSON of a strictly read body. @throws Problem when it has another type or is not JSON. */
export async function readJson(c: Context): Promise<unknown> {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/json *(;|$)/i.test(type))
    throw new Problem(415, 'Send the body as JSON, with `content-type: application/json`.');
  try {
    return await c.req.json();
  } catch {
    throw new Problem(400, 'The body is not valid JSON.');
  }
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem(400, 'The body is not valid UTF-8.');
  }
}

function tooLarge(): Problem {
  return new Problem(413, 'The body is larger than 1 MiB: send fewer events at once.');
}
