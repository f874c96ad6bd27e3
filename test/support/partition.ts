import { readFile } from 'node:fs/promises';
import type postgres from 'postgres';

/** Partitions the tables of a database by location, as docs/scaling.md tells operators to. */
export async function partitionByLocation(sql: postgres.Sql): Promise<void> {
  const script = await readFile('deploy/partition-by-location.sql', 'utf8');
  await sql.begin((tx) => tx.unsafe(script));
}
