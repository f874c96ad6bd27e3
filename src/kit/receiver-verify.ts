import { type Delivery, isBatch, type SequenceRange } from './receiver-event.ts';

/** A request as it came in: a web `Request`, or what Node and its frameworks have of one. */
export type Incoming = {
  headers: Headers | Record<string, string | readonly string[] | undefined>;
  /** Exactly the bytes that were sent, whole or as a stream: JSON that was parsed and written again is not signed. */
  body: string | Uint8Array | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | null;
};

/** The signing secret of an endpoint, or several: during a rotation, or where endpoints share a URL. */
export type Secrets = string | readonly string[];

/** Why a request is not a delivery. Its message says what was expected; answer 413 for `size`, 400 for `body`, else 401. */
export class VerificationError extends Error {
  override name = 'VerificationError';
  readonly reason: 'headers' | 'timestamp' | 'size' | 'signature' | 'body';

  constructor(reason: VerificationError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Seconds by which the clocks of Bellhop and of the receiver may differ, as Standard Webhooks recommends. */
const toleranceSeconds = 300;

/** Bytes of a body that are read: far more than the 256 KiB that Bellhop sends, far less than what fills a memory. */
const maxBytes = 1024 * 1024;

/** Signatures of a request that are compared. Bellhop sends one or two; each costs a hash over the body. */
const maxSignatures = 4;

/**
 * Verifies that a request is a delivery of Bellhop, signed with the secret and sent now, and reads it. Signatures are
 * compared in constant time.
 * @param options.now the time to judge by, in place of the clock.
 * @throws VerificationError when it is not: nothing in the request can be trusted.
 * @throws TypeError when a secret is not one of Bellhop.
 * @example const { events } = await verify(request, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwvH5mUYpKQWE=');
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export async function verify(
  request: Incoming,
  secret: Secrets,
  { now = new Date() }: { now?: Date } = {},
): Promise<Delivery> {
  const keys = await Promise.all([secret].flat().map(importKey));
  if (keys.length === 0) throw new TypeError('There must be at least one secret to verify with.');
  const id = readHeader(request, 'webhook-id');
  const timestamp = readTimestamp(request, now);
  const signatures = parseSignatures(readHeader(request, 'webhook-signature'));
  const body = await readBody(request.body);
  if (!(await isSigned(keys, signatures, join(`${id}.${timestamp}.`, body))))
    throw new VerificationError('signature', 'The signature does not match: expected one by this secret.');
  const sequence = readSequence(request);
  const locationId = readHeader(request, 'bellhop-location');
  return { id, locationId, sequence, test: sequence.last === 0, events: parseEvents(body) };
}

const prefix = 'whsec_';
const algorithm = { name: 'HMAC', hash: 'SHA-256' } as const;

type Key = Awaited<ReturnType<typeof importKey>>;

async function importKey(secret: string) {
  const bytes = secret.startsWith(prefix) ? decodeBase64(secret.slice(prefix.length)) : null;
  if (!bytes?.length) throw new TypeError(`A secret is ${prefix} and base64, as Bellhop shows it.`);
  return crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify']);
}

function readHeader({ headers }: Incoming, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : findHeader(headers, name);
  if (!value) throw new VerificationError('headers', `The request has no header ${name}.`);
  return value;
}

/** Names come in any case from some platforms. A header that came twice is none: nobody can say which one counts. */
function findHeader(headers: Exclude<Incoming['headers'], Headers>, name: string): string | undefined {
  const values = Object.entries(headers).flatMap(([given, value]) =>
    given.toLowerCase() === name ? (value ?? []) : [],
  );
  return values.length === 1 ? values[0] : undefined;
}

function readTimestamp(request: Incoming, now: Date): string {
  const timestamp = readHeader(request, 'webhook-timestamp');
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  if (!(Math.abs(Math.floor(now.getTime() / 1000) - seconds) <= toleranceSeconds))
    throw new VerificationError(
      'timestamp',
      `The request was not signed within ${toleranceSeconds} seconds of now: it is old, or a clock is wrong.`,
    );
  return timestamp;
}

function parseSignatures(header: string): Uint8Array<ArrayBuffer>[] {
  return header
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .slice(0, maxSignatures)
    .flatMap((signature) => decodeBase64(signature.slice('v1,'.length)) ?? []);
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

async function readBody(body: Incoming['body']): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of toChunks(body)) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new VerificationError('size', `The body has more than ${maxBytes} bytes, which no delivery has.`);
    chunks.push(chunk);
  }
  return join('', ...chunks);
}

async function* toChunks(body: Incoming['body']): AsyncGenerator<Uint8Array> {
  if (typeof body === 'string') yield new TextEncoder().encode(body);
  else if (body instanceof Uint8Array) yield body;
  else if (body instanceof ReadableStream) yield* toStreamChunks(body);
  else if (body && Symbol.asyncIterator in body) yield* body;
  else if (body) throw new TypeError('The body must be the bytes that came in, not what was parsed of them.');
}

/** Not every runtime can iterate a stream. */
async function* toStreamChunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    await reader.cancel();
  }
}

function join(start: string, ...chunks: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const parts = [new TextEncoder().encode(start), ...chunks];
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The comparison is that of Web Crypto, which takes the same time whatever differs. */
async function isSigned(
  keys: Key[],
  signatures: Uint8Array<ArrayBuffer>[],
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const matches = await Promise.all(
    keys.flatMap((key) =>
      signatures.map((signature) => crypto.subtle.verify(algorithm, key, signature, message)),
    ),
  );
  return matches.includes(true);
}

function readSequence(request: Incoming): SequenceRange {
  const [, first, last] = /^(\d{1,15})-(\d{1,15})$/.exec(readHeader(request, 'bellhop-sequence')) ?? [];
  if (first === undefined || last === undefined)
    throw new VerificationError('headers', 'The header bellhop-sequence must be like 17-19.');
  return { first: Number(first), last: Number(last) };
}

function parseEvents(body: Uint8Array): Delivery['events'] {
  const batch = parseJson(new TextDecoder().decode(body));
  if (!isBatch(batch)) throw new VerificationError('body', 'The body is not a JSON list of session events.');
  return batch;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
