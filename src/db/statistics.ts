import { getTableName, isTable } from 'drizzle-orm';
import type { Database } from './client.ts';
import * as schema from './schema.ts';

const tables = Object.values(schema)
  .filter((value) => isTable(value))
  .map((table) => getTableName(table));

/** Pages of 8 KB: what a table holds below that is quickly read whole. */
const minPages = 16;
/** How many times as large as it was a table has become outgrown. */
const growth = 4;

/**
 * Analyzes the tables that have outgrown what the planner knows of them, so that every kept plan of them is made anew. A
 * plan from when a table was all but empty reads it whole, for each statement, until then. The server's own analyze comes
 * within a minute, in which a hundred thousand events may be stored; tables that this role may not maintain are left to it.
 * @returns how many it analyzed.
 * @example while ((await analyzeOutgrown(db)) > 0) await delay(1000);
 */
export async function analyzeOutgrown({ $client: sql }: Database): Promise<number> {
  const outgrown = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name
    from unnest(${tables}::text[]) as t (name)
    left join lateral pg_partition_tree(t.name::regclass) p on true
    join pg_class c on c.oid = coalesce(p.relid, t.name::regclass)
    where c.relkind = 'r'
      and case when current_setting('server_version_num')::int >= 170000 then has_table_privilege(c.oid, 'maintain')
        else pg_has_role(c.relowner, 'usage') end
      and pg_relation_size(c.oid) / 8192 >= greatest(${minPages}, ${growth} * c.relpages)`;
  // A table that somebody analyzes at this moment needs no second time.
  for (const { name } of outgrown) await sql.unsafe(`analyze (skip_locked) ${name}`);
  return outgrown.length;
}
