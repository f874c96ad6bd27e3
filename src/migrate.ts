import { readDatabaseUrl } from './config.ts';
import { migrate } from './db/migrate.ts';

/** `npm run migrate`: brings the database to the newest schema, for services whose own role may not. */
try {
  const isChanged = await migrate(readDatabaseUrl());
  process.stdout.write(
    isChanged ? 'The database has the newest schema now.\n' : 'The database has the newest schema already.\n',
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? describe(error) : String(error)}\n`);
  process.exitCode = 1;
}

function describe({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
