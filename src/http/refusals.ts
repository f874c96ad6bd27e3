import { createMiddleware } from 'hono/factory';
import type { Database } from '../db/client.ts';
import { gather } from '../db/gather.ts';
import { audit } from '../db/schema.ts';
import type { CidrList } from '../delivery/url-guard.ts';
import { logger } from '../logger.ts';
import { metrics } from '../metrics.ts';
import { type Act, toAuditRow } from './audit.ts';
import type { AppEnv, Caller } from './authorize.ts';
import { clientAddress, networkOf } from './client-address.ts';
import { Problem, type Refusal } from './problem.ts';

/** Milliseconds within which a refusal of the same key, or network, for the same reason is not told again. */
const quietMs = 60_000;
/** Refusals that one process puts on record in that time: no attacker fills the table, or the memory. */
const maxRefusals = 1000;

/**
 * Puts refused uses of API keys on record, behind the back of the request: it is neither slowed down nor failed. A key
 * that is nobody's is known by its address alone.
 */
export function recordRefusals(db: Database, trustProxy: CidrList) {
  const recent = new RecentRefusals();
  // Together: many refusals at once take no connection from the requests that go on.
  const write = gather((rows: AuditRow[]) => insertAll(db, rows), { maxFlush: 100, maxWaiting: maxRefusals });
  return createMiddleware<AppEnv>(async (c, next) => {
    await next();
    const refusal = c.error instanceof Problem ? c.error.more.refusal : undefined;
    if (!refusal) return;
    metrics.keyRefusals.inc(refusal.reason);
    const address =
      c.env.caller?.address ?? clientAddress(c.req, c.env.incoming.socket.remoteAddress, trustProxy);
    const who = refusal.key?.id ?? networkOf(address);
    if (!recent.add(`${refusal.reason} ${who}`)) return;
    const act = { actor: actorOf(refusal, c.env.caller), address, requestId: c.var.requestId };
    void record(write, refusal, act);
  });
}

function actorOf({ key }: Refusal, caller: Caller | undefined): Act['actor'] {
  if (!key) return { kind: 'sender', id: '', name: '' };
  return { kind: caller?.kind ?? 'key', id: key.id, name: key.name };
}

/** The refusals of the last minute, oldest first. */
class RecentRefusals {
  readonly #times = new Map<string, number>();

  /** @returns whether it is new, and there is room for it. */
  add(refusal: string): boolean {
    const now = performance.now();
    for (const [old, at] of this.#times) {
      if (now - at < quietMs) break;
      this.#times.delete(old);
    }
    if (this.#times.has(refusal) || this.#times.size >= maxRefusals) return false;
    this.#times.set(refusal, now);
    return true;
  }
}

type AuditRow = typeof audit.$inferInsert;

async function insertAll(db: Database, rows: AuditRow[]): Promise<true[]> {
  await db.insert(audit).values(rows);
  return rows.map(() => true);
}

async function record(
  write: (row: AuditRow) => Promise<true>,
  { reason, key }: Refusal,
  act: Act,
): Promise<void> {
  const entry = {
    action: 'key.refused',
    locationId: key?.locationId ?? null,
    target: key?.id ?? '',
    after: { reason },
  } as const;
  try {
    await write(toAuditRow(act, entry));
  } catch (error) {
    logger.error({ err: error, requestId: act.requestId }, 'refusal not put on record');
  }
}
