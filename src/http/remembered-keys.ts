import { setTimeout as delay } from 'node:timers/promises';
import type { FoundKey } from './api-key.ts';
import type { FindKey } from './authorize.ts';
import { hashOf } from './token.ts';

/** Milliseconds that the database may take to say whose key it is, and for which it counts without that. */
const patienceMs = 2000;
const rememberMs = 3_600_000;

/**
 * Finds keys as `findKey` does, and knows those that were right in the last hour also while the database does not answer.
 * For reading metrics, which matter most just then; elsewhere a revoked key stops at once.
 */
export function rememberKeys(findKey: FindKey): FindKey {
  const right = new Map<string, { found: FoundKey; until: number }>();
  return async (key) => {
    const hash = hashOf(key);
    const remembered = right.get(hash);
    const looking = findKey(key).then((found) => {
      if (found?.isExpired === false) right.set(hash, { found, until: performance.now() + rememberMs });
      else right.delete(hash);
      return found;
    });
    if (!remembered || remembered.until < performance.now()) return looking;
    const { found } = remembered;
    return Promise.race([looking.catch(() => found), delay(patienceMs, found, { ref: false })]);
  };
}
