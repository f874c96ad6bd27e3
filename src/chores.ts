import pLimit from 'p-limit';
import type { Config } from './config.ts';
import type { Database } from './db/client.ts';
import { analyzeOutgrown } from './db/statistics.ts';
import type { Sender } from './delivery/attempt.ts';
import { removeOldIntakeSpans } from './events/intake-spans.ts';
import { removeOldRuns } from './flows/run.ts';
import { removeEndedSessions } from './http/ended-sessions.ts';
import { Loop } from './loop.ts';
import { removeOldNotices } from './notices/raise.ts';
import { tellNotices } from './notices/tell.ts';
import { removeOldHistory } from './outbox/retention.ts';
import { abandonInvocations, removeOldInvocations } from './webhooks/invocation.ts';

/** What the chores work with. */
type Parts = { db: Database; sender: Sender };

/** In steps that hold up nobody, with a pause between them. */
const pace = { idleMs: 60_000, busyMs: 100 };
/** Tables may grow quickly. */
const statisticsPace = { idleMs: 1000, busyMs: 1000 };

/** Steps at once: one that takes long delays no other, and a start opens no connection for each. */
const maxAtOnce = 2;

/**
 * Starts what is done beside the work, now and then: retention, notices, ends of what was lost, and in every role what the
 * planner knows of the tables. One that fails keeps no other from its work.
 * @returns stops them; resolves when the steps under way are done.
 */
export function startChores(config: Config, parts: Parts): () => Promise<unknown> {
  const turns = pLimit(maxAtOnce);
  const rare = config.ROLE === 'api' ? [] : Object.entries(chores(config, parts));
  const loops = [
    new Loop(() => analyzeOutgrown(parts.db), { name: 'statistics', ...statisticsPace, turns }),
    ...rare.map(([name, once]) => new Loop(once, { name, ...pace, turns })),
  ];
  for (const loop of loops) loop.start();
  return () => Promise.all(loops.map((loop) => loop.stop()));
}

/** One bounded step of each, which resolves with how many rows it changed. */
function chores(config: Config, { db, sender }: Parts): Record<string, () => Promise<number>> {
  const { RETENTION_DAYS: retentionDays, EVENT_MAX_AGE_HOURS: maxAgeHours } = config;
  const { OPERATOR_WEBHOOK_URL: url, OPERATOR_WEBHOOK_SECRET: secret } = config;
  const operator = url && secret ? { url, secret } : null;
  return {
    notices: () => tellNotices(db, sender, operator),
    'old notices': () => removeOldNotices(db, retentionDays),
    'old history': () => removeOldHistory(db, { retentionDays, maxAgeHours }),
    'old intake spans': () => removeOldIntakeSpans(db, maxAgeHours),
    'lost invocations': () => abandonInvocations(db),
    'old invocations': () => removeOldInvocations(db, retentionDays),
    'old runs': () => removeOldRuns(db, retentionDays),
    'ended sessions': () => removeEndedSessions(db),
  };
}
