import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { createApi } from '../support/api.ts';
import { nameDatabase } from '../support/database.ts';
import { createLedger } from '../support/ledger.ts';
import { startReceiver } from '../support/receiver.ts';
import { run } from '../support/run.ts';
import { spawnService, testEnvironment } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { withSql } from './dump.ts';

// Several processes, or several dumps of a database, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

it('a role without any right to change tables is all the service needs, and it cannot change the audit log', async () => {
  const { owner, role } = await createRoles();
  expect(await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate'])).toEqual({
    code: 0,
    said: 'The database has the newest schema now.\n',
  });
  await grantRights(owner, role);
  const service = await start(testEnvironment(role, { BELLHOP_ADMIN_KEY: '' }));
  const [key] = /bellhop_[\w-]{43}/.exec(service.log.join('\n')) ?? [];
  const api = createApi(service.url, key);
  const receiver = await running(startReceiver());
  const location = await addLocation(api);
  const endpoint = await addEndpoint(api, location, receiver.url);
  await handOver(api, newEvent(location));
  await receiver.received(1);
  expect((await api.post(`${endpoint.path}/test`)).body.outcome).toBe('delivered');
  expect((await api.delete(`/v1/locations/${location}`)).status).toBe(204);
  expect(await service.end('SIGTERM')).toBe(0);
  expect(service.log.join('\n')).not.toContain('permission denied');

  await withSql(owner, async (sql) => {
    expect(await createLedger(sql).ended(location, 2)).toHaveLength(2);
    const [{ count }] = await sql<[{ count: number }]>`select count(*)::int as count from audit`;
    expect(count).toBe(4);
  });
  const attempts = ['update audit set target = target', 'delete from audit', 'truncate audit'];
  for (const statement of attempts) {
    await expect(withSql(owner, (sql) => sql.unsafe(statement))).rejects.toThrow('append-only');
    await expect(withSql(role, (sql) => sql.unsafe(statement))).rejects.toThrow('permission denied');
  }
  for (const statement of [
    'create table x (a int)',
    'drop trigger audit_is_append_only on audit',
    'drop table events',
    'alter table audit disable trigger all',
    'create or replace function audit_is_append_only() returns trigger language sql as $$ $$',
    'update bellhop.migrations set hash = hash',
  ])
    await expect(withSql(role, (sql) => sql.unsafe(statement))).rejects.toThrow(
      /permission denied|must be owner/,
    );
});

it('a start in that role on an older schema fails and says what to do, and works after `npm run migrate`', async () => {
  const { owner, role } = await createRoles();
  const empty = await run('dist/main.js', testEnvironment(role, { LOG_LEVEL: 'info' }));
  expect(empty.code).toBe(1);
  expect(empty.said).toContain('run `npm run migrate` with the DATABASE_URL of its owner');

  await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate']);
  const ungranted = await run('dist/main.js', testEnvironment(role, { LOG_LEVEL: 'info' }));
  expect(ungranted.said).toContain('and grant the role of Bellhop its rights');

  await grantRights(owner, role);
  const newest = await withSql(owner, async (sql) => {
    const rows = await sql`
      delete from bellhop.migrations
      where id = (select max(id) from bellhop.migrations)
      returning *`;
    return rows[0];
  });
  const behind = await run('dist/main.js', testEnvironment(role, { LOG_LEVEL: 'info' }));
  expect([behind.code, behind.said]).toEqual([1, expect.stringContaining('run `npm run migrate`')]);

  await withSql(owner, (sql) => sql`insert into bellhop.migrations ${sql(newest ?? {})}`);
  expect((await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate'])).said).toBe(
    'The database has the newest schema already.\n',
  );
  await start(testEnvironment(role));
});

it('the log of migrations moves once from where drizzle has it by default, and what a core app has there stays', async () => {
  const { owner } = await createRoles();
  await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate']);
  const before = await withSql(owner, async (sql) => {
    const log = await sql`select hash, created_at from bellhop.migrations order by created_at`;
    await sql`create schema drizzle`;
    await sql`alter table bellhop.migrations set schema drizzle`;
    await sql`alter table drizzle.migrations rename to __drizzle_migrations`;
    await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of the core app', 1)`;
    return log;
  });
  const moved = await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate']);
  expect(moved).toEqual({ code: 0, said: 'The database has the newest schema now.\n' });
  const again = await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate']);
  expect(again.said).toBe('The database has the newest schema already.\n');
  await withSql(owner, async (sql) => {
    expect(await sql`select hash, created_at from bellhop.migrations order by created_at`).toEqual(before);
    expect(await sql`select hash from drizzle.__drizzle_migrations`).toEqual([{ hash: 'of the core app' }]);
  });
});

it('a log of migrations that only Bellhop used leaves nothing where it was', async () => {
  const { owner } = await createRoles();
  await run('bin/bellhop.js', { DATABASE_URL: owner }, ['migrate']);
  await withSql(owner, async (sql) => {
    await sql`create schema drizzle`;
    await sql`alter table bellhop.migrations set schema drizzle`;
    await sql`alter table drizzle.migrations rename to __drizzle_migrations`;
  });
  await start(testEnvironment(owner));
  const left = await withSql(owner, (sql) => sql`select from pg_namespace where nspname = 'drizzle'`);
  expect(left).toHaveLength(0);
});

it('`npm run migrate` says what it needs', async () => {
  expect(await run('bin/bellhop.js', {}, ['migrate'])).toEqual({
    code: 1,
    said: 'The configuration has a mistake:\n  - DATABASE_URL is required: the embedded database is migrated by every start\n',
  });
  const away = await run(
    'bin/bellhop.js',
    {
      DATABASE_URL: 'postgres://bellhop:hunter2@127.0.0.1:1/bellhop',
    },
    ['migrate'],
  );
  expect(away.code).toBe(1);
  expect(away.said).toContain('Cannot connect to the database at DATABASE_URL: ');
  expect(away.said).not.toContain('hunter2');
});

/** An empty database of an owner who is no superuser, and a role for the service, as URLs. Both end with the test. */
async function createRoles(): Promise<{ owner: string; role: string }> {
  const server = inject('postgres').url;
  const name = `bellhop_test_${randomBytes(6).toString('hex')}`;
  const names = { owner: `${name}_owner`, role: `${name}_role` };
  const password = randomBytes(12).toString('hex');
  await withSql(server, async (sql) => {
    for (const role of Object.values(names))
      await sql.unsafe(`create role ${role} login password '${password}'`);
    await sql.unsafe(
      `create database ${name} owner ${names.owner} template template0 encoding 'UTF8' locale 'C'`,
    );
  });
  onTestFinished(() =>
    withSql(server, async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`);
      for (const role of Object.values(names)) await sql.unsafe(`drop role ${role}`);
    }),
  );
  const as = (user: string) => {
    const url = new URL(nameDatabase(server, name));
    url.username = user;
    url.password = password;
    return url.href;
  };
  return { owner: as(names.owner), role: as(names.role) };
}

/** Does what the documentation says. */
async function grantRights(owner: string, role: string): Promise<void> {
  const [, sql = ''] =
    /## Database role[^]*?```sql\n([^]*?)```/.exec(await readFile('docs/security.md', 'utf8')) ?? [];
  const grants = sql.replaceAll('bellhop_service', new URL(role).username);
  expect(grants).toContain('grant');
  await withSql(owner, (connection) => connection.unsafe(grants));
}

async function start(environment: Record<string, string>) {
  const service = await spawnService(environment);
  onTestFinished(async () => {
    await service.end('SIGKILL');
  });
  return service;
}
