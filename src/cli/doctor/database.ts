import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { type Connection, connect, type Database, disconnect } from '../../db/client.ts';
import { startEmbeddedPostgres } from '../../db/embedded.ts';
import { findBinaries } from '../../db/embedded-binaries.ts';
import { chooseUser } from '../../db/embedded-data.ts';
import { askReady } from '../call-api.ts';
import { urlAt } from '../connection.ts';
import { describeError } from '../errors.ts';
import { type Check, checksOf } from './check.ts';
import { examineClock } from './clock.ts';
import { examineConnections, examinePrivileges, examineSchema, examineServer } from './database-checks.ts';
import { examineEncryption } from './encryption.ts';

const { ok, failed } = checksOf('Database');

/** The database, as far as it can be looked into: the embedded one is opened by one process alone. */
export async function* examineDatabase(config: Config, api: string | undefined): AsyncGenerator<Check, void> {
  const folder = join(resolve(config.DATA_DIR), 'postgres');
  const url = api ?? urlAt(config.HOST, config.PORT);
  if (config.DATABASE_URL) yield* examineAt(config.DATABASE_URL, config);
  else if (!(await isThere(join(folder, 'PG_VERSION')))) yield await examineBinaries(folder);
  else if ((await isThere(join(folder, 'postmaster.pid'))) && (await askReady(url))) {
    yield ok(`in use by the service at ${url}, which says that it is ready`);
    yield checksOf('Schema, key, clock').skipped('not checked: stop the service to look into its database');
  } else yield* examineEmbedded(config);
}

/** Before the first start there are no data, but there must be a PostgreSQL that runs here. */
async function examineBinaries(folder: string): Promise<Check> {
  try {
    const { major } = await findBinaries(await chooseUser(folder));
    return ok(`none yet: the first start makes it, with PostgreSQL ${major}`);
  } catch (error) {
    return failed(describeError(error));
  }
}

async function* examineEmbedded(config: Config): AsyncGenerator<Check> {
  try {
    const server = await startEmbeddedPostgres({ dataDir: config.DATA_DIR });
    try {
      yield* examineAt(server.connection, config);
    } finally {
      await server.stop();
    }
  } catch (error) {
    yield failed(
      describeError(error),
      'Does the service run, at another address? Say where, with --api URL.',
    );
  }
}

async function* examineAt(connection: Connection, config: Config): AsyncGenerator<Check> {
  const db = connect(connection, { max: 1 });
  try {
    const server = await examineServer(db);
    yield* server.checks;
    if (!server.isUsable) return;
    yield examineClock('the database', server.aheadMs);
    yield await examineConnections(db, config.DATABASE_MAX_CONNECTIONS);
    const schema = await examineSchema(db);
    yield schema;
    if (schema.state !== 'ok') {
      yield checksOf('Privileges, key').skipped('not checked: they depend on the schema');
      return;
    }
    yield await examinePrivileges(db);
    yield* examineKey(db, config);
  } catch (error) {
    yield failed(describeError(error));
  } finally {
    await disconnect(db);
  }
}

async function* examineKey(db: Database, config: Config): AsyncGenerator<Check> {
  const file = join(resolve(config.DATA_DIR), 'encryption.key');
  const kept = config.DATABASE_URL ? null : await readFile(file, 'utf8').catch(() => null);
  const key = config.BELLHOP_ENCRYPTION_KEY ?? (kept === null ? null : Buffer.from(kept, 'base64'));
  yield* examineEncryption(db, key, config.BELLHOP_PREVIOUS_ENCRYPTION_KEY);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
