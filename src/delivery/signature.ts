import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const prefix = 'whsec_';

/** Bytes of key; Standard Webhooks asks for 24 to 64, and 32 is the output size of SHA-256. */
const secretBytes = 32;

/**
 * Makes a signing secret of 32 random bytes, in the text form of Standard Webhooks.
 * @example createSecret(); // 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwvH5mUYpKQWE='
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createSecret(): string {
  return prefix + randomBytes(secretBytes).toString('base64');
}

/**
 * Signs a message: the value of the `webhook-signature` header, one `v1,<base64>` a secret, in the order of the secrets
 * (two while a rotation overlaps). HMAC-SHA256 over `<id>.<timestamp>.<body>`.
 * @param message.timestamp Unix time in whole seconds, the value of `webhook-timestamp`.
 * @param message.body exactly what is sent.
 * @throws Error when no secret is given, or one that {@link createSecret} did not make: that is a bug.
 * @example sign({ secrets: [secret], id: 'msg_1', timestamp: 1614265330, body: '[]' }); // 'v1,g0hM9SsE...='
 */
export function sign(message: Message): string {
  if (message.secrets.length === 0) throw new Error('A message needs at least one secret to be signed.');
  return message.secrets.map((secret) => `v1,${signature(secret, message)}`).join(' ');
}

/** Seconds by which the clocks of a sender and ours may differ, as Standard Webhooks recommends. */
const toleranceSeconds = 300;

/**
 * Whether a message is signed with a secret, and now. Compares in constant time.
 * @param headers.signature the value of `webhook-signature`: one or more signatures, separated by spaces.
 * @example verify(secret, { id, timestamp: '1614265330', signature: 'v1,g0hM9SsE...=' }, '[]', new Date());
 */
export function verify(
  secret: string,
  { id, timestamp, signature: given }: { id: string; timestamp: string; signature: string },
  body: string,
  now: Date,
): boolean {
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  if (!(Math.abs(now.getTime() / 1000 - seconds) <= toleranceSeconds)) return false;
  const expected = Buffer.from(
    `v1,${signature(secret, { secrets: [secret], id, timestamp: seconds, body })}`,
  );
  const candidates = given.split(' ').map((candidate) => Buffer.from(candidate));
  return candidates.some(
    (candidate) => candidate.length === expected.length && timingSafeEqual(candidate, expected),
  );
}

type Message = { secrets: readonly string[]; id: string; timestamp: number; body: string | Uint8Array };

function signature(secret: string, { id, timestamp, body }: Message): string {
  return createHmac('sha256', key(secret)).update(`${id}.${timestamp}.`).update(body).digest('base64');
}

function key(secret: string): Buffer {
  const bytes = Buffer.from(secret.slice(prefix.length), 'base64');
  if (!secret.startsWith(prefix) || bytes.length === 0) throw new Error(`A secret begins with ${prefix}.`);
  return bytes;
}
