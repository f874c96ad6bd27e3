import { ConfigurationError, readConfig } from './config.ts';
import { checkEncryptionKey } from './db/encryption-key.ts';
import type { Database } from './db/client.ts';
import { moveOnce } from './events/inbox.ts';
import { abandonQueuedRuns } from './flows/run-lease.ts';
import { endSessions } from './http/ended-sessions.ts';
import { logger } from './logger.ts';
import { passOverRestored } from './outbox/restored.ts';
import { openStore } from './service.ts';

/**
 * `npm run after-restore`: between the restore of a backup and the start of the service. What the backup holds as still to
 * be sent, or run, was so after it was made: it is kept, and not sent or run a second time.
 */
async function main(): Promise<void> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const config = readConfig();
    logger.level = 'error';
    const { db, encryption } = await openStore(config, stops);
    await checkEncryptionKey(db, encryption);
    const inbox = await emptyInbox(db);
    const { locations, endpoints, waiting } = await passOverRestored(db);
    const runs = await abandonQueuedRuns(db);
    const sessions = await endSessions(db);
    const counts = { locations, endpoints, inbox, waiting, runs, sessions };
    for (const [name, count] of Object.entries(counts)) process.stdout.write(`${said[name]}: ${count}\n`);
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

const said: Record<string, string> = {
  locations: 'Locations whose sequences go on behind a jump',
  endpoints: 'Endpoints that get events accepted from now on',
  inbox: 'Events moved from the inbox to the log, not to be sent',
  waiting: 'Resends and tests dropped',
  runs: 'Queued runs abandoned',
  sessions: 'Sign-ins ended',
};

/** What a booking handed over before the backup was in the log, and sent, soon after it. */
async function emptyInbox(db: Database): Promise<number> {
  let moved = 0;
  for (;;) {
    const { events, held } = await moveOnce(db);
    moved += events;
    if (events + held === 0) return moved;
  }
}

await main().catch((error: unknown) => {
  if (error instanceof ConfigurationError) process.stderr.write(`${error.message}\n`);
  else logger.fatal({ err: error }, 'the restored database could not be made ready');
  process.exitCode = 1;
});
