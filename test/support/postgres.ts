import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { withSql } from '../db/dump.ts';
import { nameDatabase } from './database.ts';
import { partitionByLocation } from './partition.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server of this run, as a superuser, and the migrated database that tests copy. */
    postgres: { url: string; template: string };
  }
}

/**
 * One PostgreSQL for the whole run: the one at TEST_DATABASE_URL, else one of our own that the end of the run removes.
 * With TEST_PARTITIONED=true its tables are partitioned.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer(process.env['TEST_DATABASE_URL']);
  const template = `bellhop_template_${randomBytes(6).toString('hex')}`;
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const tearDown = async () => {
    await sql`drop database if exists ${sql(template)} with (force)`;
    await sql.end();
    await server.stop();
  };
  try {
    await sql`create database ${sql(template)} template template0 encoding 'UTF8' locale 'C'`;
    await migrate(nameDatabase(server.url, template));
    if (process.env['TEST_PARTITIONED'] === 'true')
      await withSql(nameDatabase(server.url, template), partitionByLocation);
  } catch (error) {
    await tearDown();
    throw error;
  }
  project.provide('postgres', { url: server.url, template });
  return tearDown;
}

/** The server at a URL, else one of our own, which `stop` removes. */
export async function startServer(url: string | undefined): Promise<{ url: string; stop(): Promise<void> }> {
  if (url) return { url, stop: async () => {} };
  // The comma matters: postgres.js decodes the host of a URL, and so takes it for a socket folder, only if it has one.
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-test,'));
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), fsync: false });
  const socket = join(folder, 'socket');
  await symlink(server.connection.host, socket);
  return {
    url: `postgres://${server.connection.user}@${encodeURIComponent(socket).replaceAll('%2C', ',')}/postgres`,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}
