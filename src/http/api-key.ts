import { randomBytes } from 'node:crypto';
import { eq, inArray } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { gather } from '../db/gather.ts';
import { apiKeys, type scopes } from '../db/schema.ts';
import { notOverdue } from '../overdue.ts';
import { hashOf, isSameHash } from './token.ts';

/** What a key may do. `admin` may do everything. */
export type Scope = (typeof scopes)[number];

/** The holder of a key, as far as a request needs to know. `locationId` null: not bound to a location. */
export type ApiKey = {
  id: string;
  name: string;
  scopes: Scope[];
  locationId: string | null;
  allowedIps: string[] | null;
};

/** Whose key a text is. One that has expired opens nothing. */
export type FoundKey = { key: ApiKey; isExpired: boolean };

/** A new key: 256 random bits, of which `hint` may be shown later and `hash` is stored. */
export function createApiKey(): { key: string; hint: string; hash: string } {
  const key = `bellhop_${randomBytes(32).toString('base64url')}`;
  return { key, hint: `…${key.slice(-4)}`, hash: hashOf(key) };
}

/** The id and name under which the key of `BELLHOP_ADMIN_KEY` acts. It is never stored. */
const adminKey: ApiKey = {
  id: 'environment',
  name: 'BELLHOP_ADMIN_KEY',
  scopes: ['admin'],
  locationId: null,
  allowedIps: null,
};

/**
 * A function that tells whose key a text is, or null when it is nobody's. Every request asks the database, so that a
 * revoked key stops at once; requests that arrive together ask in one query.
 */
export function createKeyFinder(db: Database, environmentKey: string | undefined) {
  const environmentHash = environmentKey && hashOf(environmentKey);
  const find = gather((hashes: string[]) => notOverdue(findByHash(db, hashes)), {
    maxFlush: 1000,
    maxWaiting: 10_000,
  });

  return async (key: string): Promise<FoundKey | null> => {
    const hash = hashOf(key);
    if (environmentHash && isSameHash(hash, environmentHash)) return { key: adminKey, isExpired: false };
    return find(hash);
  };
}

/**
 * Names of keys that outlive a request without holding the key: sign-ins and links remember by them for whom they act.
 * The name of the environment's key changes with the key, so that those of an earlier one end.
 */
export function createCredentials(db: Database, environmentKey: string | undefined) {
  const environmentName = environmentKey && `${adminKey.id}:${hashOf(environmentKey).slice(0, 16)}`;
  return {
    of(key: ApiKey): string {
      return key.id === adminKey.id && environmentName ? environmentName : key.id;
    },

    /** @returns the key; null when it was revoked or has expired. */
    async recall(credential: string): Promise<ApiKey | null> {
      if (credential === environmentName) return adminKey;
      if (credential.startsWith(adminKey.id)) return null;
      const [row] = await db.select().from(apiKeys).where(eq(apiKeys.id, credential));
      return row && !isExpired(row, new Date()) ? row : null;
    },
  };
}

/** See {@link createCredentials}. */
export type Credentials = ReturnType<typeof createCredentials>;

async function findByHash(db: Database, hashes: string[]): Promise<(FoundKey | null)[]> {
  const now = new Date();
  const rows = await db.select().from(apiKeys).where(inArray(apiKeys.hash, hashes));
  await noteUse(
    db,
    rows.filter((row) => !isExpired(row, now)),
    now,
  );
  return hashes.map((hash) => {
    const row = rows.find((candidate) => isSameHash(candidate.hash, hash));
    return row ? { key: row, isExpired: isExpired(row, now) } : null;
  });
}

type KeyRow = typeof apiKeys.$inferSelect;

const isExpired = ({ expiresAt }: KeyRow, now: Date) => expiresAt !== null && expiresAt <= now;

/**
 * `last_used_at` is right to the minute, so that a busy key is not written for every request. A key whose row somebody
 * else holds is left as it is: nobody's request waits for it.
 */
async function noteUse(db: Database, rows: KeyRow[], now: Date): Promise<void> {
  const minuteAgo = new Date(now.getTime() - 60_000);
  const stale = rows.filter(({ lastUsedAt }) => !lastUsedAt || lastUsedAt < minuteAgo);
  if (stale.length === 0) return;
  const ids = stale.map(({ id }) => id);
  const free = db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(inArray(apiKeys.id, ids))
    .for('update', { skipLocked: true });
  await db.update(apiKeys).set({ lastUsedAt: now }).where(inArray(apiKeys.id, free));
}

/**
 * Makes the first admin key of a database that has none. Several processes may ask at once: one gets it.
 * @returns the key, to be printed once, and its id; null when there are keys already.
 */
export async function createFirstKey({
  $client: sql,
}: Database): Promise<{ id: string; key: string } | null> {
  const { key, hint, hash } = createApiKey();
  const id = uuidv7();
  return sql.begin(async (tx) => {
    await tx`lock table api_keys in share row exclusive mode`;
    const created = await tx`
      insert into api_keys (id, name, hash, hint, scopes)
      select ${id}::uuid, 'First admin key', ${hash}, ${hint}, '{admin}'
      where not exists (select from api_keys)
      returning id`;
    return created.length === 0 ? null : { id, key };
  });
}
