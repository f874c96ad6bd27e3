import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { withSql } from '../db/dump.ts';

/**
 * A core app on the same server, in a role that has been granted what docs/core-app.md says and nothing else.
 * @returns its connections. Role and connections end with the test.
 */
export async function connectCoreApp(databaseUrl: string): Promise<postgres.Sql> {
  const role = `core_app_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const [, grants = ''] = /```sql\n(grant [^]*?)```/.exec(await readFile('docs/core-app.md', 'utf8')) ?? [];
  await withSql(databaseUrl, (sql) =>
    sql.unsafe(`create role ${role} login password '${password}'; ${grants.replaceAll('core_app', role)}`),
  );
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = password;
  // A booking that waits for a lock fails: it should never have to.
  const sql = postgres(url.href, { max: 20, onnotice: () => {}, connection: { lock_timeout: 5000 } });
  onTestFinished(async () => {
    await sql.end({ timeout: 1 });
    await withSql(databaseUrl, (owner) => owner.unsafe(`drop owned by ${role}; drop role ${role}`));
  });
  return sql;
}
