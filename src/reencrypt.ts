import { ConfigurationError, readConfig } from './config.ts';
import { reencryptTable } from './db/reencrypt.ts';
import { sealedTables } from './db/sealed.ts';
import { logger } from './logger.ts';
import { openStore } from './service.ts';

/**
 * `npm run reencrypt`: seals with BELLHOP_ENCRYPTION_KEY what was sealed with BELLHOP_PREVIOUS_ENCRYPTION_KEY. The
 * service may run meanwhile (but on the embedded database, which one process alone can open).
 */
async function main(): Promise<void> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const config = readConfig();
    logger.level = 'error';
    const { db, encryption } = await openStore(config, stops);
    for (const table of sealedTables) {
      const { reencrypted, unreadable } = await reencryptTable(db, encryption, table);
      process.stdout.write(`${table.name}: ${reencrypted} re-encrypted, ${unreadable.length} unreadable\n`);
      for (const line of unreadable) process.stderr.write(`${line}\n`);
      if (unreadable.length > 0) process.exitCode = 1;
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

await main().catch((error: unknown) => {
  if (error instanceof ConfigurationError) process.stderr.write(`${error.message}\n`);
  else logger.fatal({ err: error }, 're-encryption failed');
  process.exitCode = 1;
});
