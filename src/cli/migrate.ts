import type { Command } from './command.ts';

/** `bellhop migrate`: brings the database to the newest schema, for services whose own role may not. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the database of DATABASE_URL to the newest schema',
  details:
    'A start does so by itself, unless the service has a role that may not. It needs nothing else of the environment.',
  options: {},
  examples: ['DATABASE_URL=postgres://owner@db.internal/bellhop bellhop migrate'],
  async run(_input, { output }) {
    const { readDatabaseUrl } = await import('../config.ts');
    const { migrate: bring } = await import('../db/migrate.ts');
    const isChanged = await bring(readDatabaseUrl());
    output.show({ changed: isChanged }, () =>
      isChanged ? 'The database has the newest schema now.' : 'The database has the newest schema already.',
    );
  },
};
