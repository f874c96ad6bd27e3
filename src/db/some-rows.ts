import type postgres from 'postgres';

/** Part of a statement. */
type Fragment = postgres.PendingQuery<postgres.Row[]>;

/**
 * The parts of a statement that changes a bounded number of rows of a table, and holds up nobody: rows that somebody else
 * holds are left for the next time. By their places, for a join by keys reads whole tables; and a place is one of a
 * partition, since all partitions have the same ones.
 * @param which condition on the rows of `table`.
 * @example
 * const old = someRows(sql, { table: 'skips', which: sql`created_at < ${before}`, max: 5000 });
 * await sql`${old.chosen} delete from skips where ${old.isChosen}`;
 */
export function someRows(
  sql: postgres.Sql,
  { table, which, max }: { table: string; which: Fragment; max: number },
): { chosen: Fragment; isChosen: Fragment } {
  return {
    chosen: sql`
      with chosen as (
        select tableoid, ctid
        from ${sql(table)}
        where ${which}
        limit ${max}
        for update of ${sql(table)} skip locked
      )`,
    isChosen: sql`
      ctid = any(array(select ctid from chosen)) and (tableoid, ctid) in (select tableoid, ctid from chosen)`,
  };
}

/** Removes up to `max` rows of a table. @returns how many. See {@link someRows}. */
export async function removeSome(
  sql: postgres.Sql,
  rows: { table: string; which: Fragment; max: number },
): Promise<number> {
  const { chosen, isChosen } = someRows(sql, rows);
  const removed = await sql`${chosen} delete from ${sql(rows.table)} where ${isChosen}`;
  return removed.count;
}
