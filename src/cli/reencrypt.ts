import type { Command } from './command.ts';
import { CommandError } from './errors.ts';

/**
 * `bellhop reencrypt`: seals with BELLHOP_ENCRYPTION_KEY what was sealed with BELLHOP_PREVIOUS_ENCRYPTION_KEY. The
 * service may run meanwhile (but on the embedded database, which one process alone can open).
 */
export const reencrypt: Command = {
  name: 'reencrypt',
  summary: 'Encrypt all stored secrets with BELLHOP_ENCRYPTION_KEY anew',
  details: `What was encrypted with BELLHOP_PREVIOUS_ENCRYPTION_KEY is read with that. It may be interrupted and repeated, and the
service may run meanwhile, but not on the embedded database.`,
  options: {},
  examples: ['bellhop reencrypt'],
  async run(_input, { output }) {
    const tables = await reencryptAll();
    output.show(tables, () =>
      tables
        .map(
          ({ name, reencrypted, unreadable }) =>
            `${name}: ${reencrypted} re-encrypted, ${unreadable.length} unreadable`,
        )
        .join('\n'),
    );
    const unreadable = tables.flatMap((table) => table.unreadable);
    if (unreadable.length > 0) throw new CommandError(unreadable.join('\n'));
  },
};

async function reencryptAll() {
  const { readConfig } = await import('../config.ts');
  const { reencryptTable } = await import('../db/reencrypt.ts');
  const { sealedTables } = await import('../db/sealed.ts');
  const { logger } = await import('../logger.ts');
  const { openStore } = await import('../service.ts');
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const config = readConfig();
    logger.level = 'error';
    const { db, encryption } = await openStore(config, stops);
    const done = [];
    for (const table of sealedTables)
      done.push({ name: table.name, ...(await reencryptTable(db, encryption, table)) });
    return done;
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}
