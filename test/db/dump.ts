import postgres from 'postgres';

/** Every row of every table that is not PostgreSQL's own, as text. */
export async function dumpDatabase(databaseUrl: string): Promise<string> {
  return withSql(databaseUrl, async (sql) => {
    const tables = await sql<{ schema: string; name: string }[]>`
      select table_schema as schema, table_name as name
      from information_schema.tables
      where table_schema not in ('pg_catalog', 'information_schema')`;
    const dumps = await Promise.all(
      tables.map(
        ({ schema, name }) =>
          sql<{ row: string }[]>`select t::text as row from ${sql(schema)}.${sql(name)} t`,
      ),
    );
    return dumps.flatMap((rows) => rows.map(({ row }) => row)).join('\n');
  });
}

/** Runs statements on a connection of its own. */
export async function withSql<Result>(
  databaseUrl: string,
  work: (sql: postgres.Sql) => Promise<Result>,
): Promise<Result> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}
