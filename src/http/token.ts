import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The SHA-256 of a key or token, in hex: what is stored of it. A fast hash is enough, for it has more random bits than
 * anybody can guess (or is the operator's own choice).
 */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether two hashes are the same, in constant time. */
export function isSameHash(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(left), Buffer.from(right));
}
