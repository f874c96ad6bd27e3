import { randomBytes } from 'node:crypto';
import { expect, inject, it, onTestFinished } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { nameDatabase } from '../support/database.ts';
import { newEvent } from '../support/venue.ts';
import { withSql } from './dump.ts';

it('puts every table into one schema, and lets the core app hand over, for a role of the name `bellhop` too', async () => {
  const server = inject('postgres').url;
  const name = `bellhop_test_${randomBytes(6).toString('hex')}`;
  await withSql(server, async (sql) => {
    await sql`create database ${sql(name)} template template0 encoding 'UTF8' locale 'C'`;
    // What "$user", public is to that role.
    await sql`alter database ${sql(name)} set search_path = bellhop, public`;
  });
  onTestFinished(() =>
    withSql(server, async (sql) => void (await sql`drop database ${sql(name)} with (force)`)),
  );
  const url = nameDatabase(server, name);
  await migrate(url);
  await withSql(url, async (sql) => {
    const schemas = await sql`
      select distinct relnamespace::regnamespace::text as schema
      from pg_class
      where relkind = 'r' and relname <> 'migrations' and relnamespace::regnamespace::text in ('public', 'bellhop')`;
    expect(schemas).toEqual([{ schema: 'public' }]);
    await sql`insert into locations (id, title) values ('kamen-test', 'Kamen Test')`;
    await sql`select bellhop.emit_session_events(${sql.json(newEvent('kamen-test'))})`;
    expect(await sql`select from inbox`).toHaveLength(1);
  });
});
