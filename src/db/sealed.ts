import type { Database } from './client.ts';

/** Every table that holds sealed values: as texts, or as the values of an object. `id` names a row within its location. */
export const sealedTables = [
  { name: 'endpoints', id: 'id', columns: ['secret', 'previous_secret', 'headers'], kind: 'endpoint' },
  { name: 'webhooks', id: 'id', columns: ['secret', 'headers'], kind: 'webhook' },
  { name: 'flows', id: 'name', columns: ['signing_secret'], kind: 'flow' },
] as const;

/** One of {@link sealedTables}. */
export type SealedTable = (typeof sealedTables)[number];

/** The sealed values of a row by column. What is not there is null, and an empty text is not sealed. */
export type SealedRow = { locationId: string; id: string; values: SealedValues };
/** See {@link SealedRow}. */
export type SealedValues = Record<string, string | null | Record<string, string>>;

/** Whom a value is sealed for: it opens in its own row only. */
export function ownerOf(kind: SealedTable['kind'], locationId: string, id: string): string {
  return `${kind} ${locationId} ${id}`;
}

/** Rows in one statement: read, and changed one by one. */
const maxRows = 200;

/**
 * The next rows of a table, in the order of their keys, that hold a value sealed with another key than these.
 * @param keyIds as an encryption has them.
 * @param after the last row of the step before.
 */
export async function findSealedOtherwise(
  { $client: sql }: Database,
  { name, id, columns }: SealedTable,
  keyIds: string[],
  after?: Pick<SealedRow, 'locationId' | 'id'>,
): Promise<SealedRow[]> {
  // Of jsonb as text: a value follows a colon, the name of a header never does.
  const other = `: "v1\\.(?!(${keyIds.join('|')})\\.)`;
  const isFurther = after ? sql`and (location_id, ${sql(id)}) > (${after.locationId}, ${after.id})` : sql``;
  return sql<SealedRow[]>`
    select location_id as "locationId", ${sql(id)}::text as id, s.sealed as "values"
    from ${sql(name)} t
    cross join lateral (select to_jsonb(v) as sealed from (select ${sql(columns.map((column) => `t.${column}`))}) v) s
    where s.sealed::text ~ ${other} ${isFurther}
    order by location_id, ${sql(id)}
    limit ${maxRows}`;
}

/** @returns the values with each sealed text replaced. */
export function mapSealed(values: SealedValues, change: (sealed: string) => string): SealedValues {
  const changeText = (text: string) => text && change(text);
  return Object.fromEntries(
    Object.entries(values).map(([column, value]) => {
      if (value === null) return [column, null];
      if (typeof value === 'string') return [column, changeText(value)];
      return [
        column,
        Object.fromEntries(Object.entries(value).map(([key, text]) => [key, changeText(text)])),
      ];
    }),
  );
}
