import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { treeCpuSeconds } from './cpu.ts';

/** Starts the PostgreSQL of every contestant that needs one: as Bellhop brings it, with fsync. */
export async function startPostgres() {
  // The comma matters: postgres.js decodes the host of a URL, and so takes it for a socket folder, only if it has one.
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-bench,'));
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data') });
  const { host, port, user } = server.connection;
  const socket = join(folder, 'socket');
  await symlink(host, socket);
  const pid = Number.parseInt(await readFile(join(folder, 'data/postgres/postmaster.pid'), 'utf8'), 10);
  const sql = postgres({ ...server.connection, max: 1, onnotice: () => {} });
  let lastNumber = 0;

  return {
    cpu: () => treeCpuSeconds(pid),

    /** Makes a database of its own for a contestant: an empty one, or a copy of `template`. */
    async createDatabase(template = 'template0') {
      lastNumber += 1;
      const name = `bench_${lastNumber}`;
      await sql`create database ${sql(name)} template ${sql(template)}`;
      const own = postgres({ ...server.connection, database: name, max: 2, onnotice: () => {} });
      return {
        name,
        sql: own,
        /** For postgres.js, and so for Bellhop. */
        url: `postgres://${user}@${encodeURIComponent(socket).replaceAll('%2C', ',')}/${name}`,
        /** For node-postgres, and so for the peers. */
        pgUrl: `postgres://${user}@localhost:${port}/${name}?host=${encodeURIComponent(host)}`,
        /** What autovacuum has done after a while, and a checkpoint that will not fall into the measuring. */
        async tidy() {
          await own`analyze`;
          await own`checkpoint`;
        },
        release: () => own.end(),
        async drop() {
          await own.end();
          await sql`drop database if exists ${sql(name)} with (force)`;
        },
      };
    },

    async stop() {
      await sql.end({ timeout: 1 });
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** A database of a contestant. */
export type OwnDatabase = Awaited<ReturnType<Awaited<ReturnType<typeof startPostgres>>['createDatabase']>>;
