import type { Database } from './client.ts';
import type { Encryption } from './encryption.ts';
import {
  findSealedOtherwise,
  mapSealed,
  ownerOf,
  type SealedRow,
  type SealedTable,
  type SealedValues,
} from './sealed.ts';

/** Rows of a table. `unreadable` names those that neither key opens, with the reason. */
export type Reencryption = { reencrypted: number; unreadable: string[] };

/**
 * Seals whatever a table holds with the current key, row by row: a row that somebody changes meanwhile is read again.
 * What is done is done, so it may be interrupted and repeated.
 * @example const { reencrypted, unreadable } = await reencryptTable(db, encryption, sealedTables[0]);
 */
export async function reencryptTable(
  db: Database,
  encryption: Encryption,
  table: SealedTable,
): Promise<Reencryption> {
  let reencrypted = 0;
  for (;;) {
    const pass = await reencryptOnce(db, encryption, table);
    reencrypted += pass.reencrypted;
    if (pass.reencrypted + pass.missed === 0) return { reencrypted, unreadable: pass.unreadable };
  }
}

/** Goes through the table once. `missed` are rows that were changed between reading and writing. */
async function reencryptOnce(db: Database, encryption: Encryption, table: SealedTable) {
  const [currentKeyId = ''] = encryption.keyIds;
  const pass = { reencrypted: 0, missed: 0, unreadable: Array.of<string>() };
  let rows = await findSealedOtherwise(db, table, [currentKeyId]);
  while (rows.length > 0) {
    for (const row of rows) {
      const sealed = reseal(encryption, table, row);
      if (sealed instanceof Error) pass.unreadable.push(sealed.message);
      else if (await replace(db, table, row, sealed)) pass.reencrypted += 1;
      else pass.missed += 1;
    }
    rows = await findSealedOtherwise(db, table, [currentKeyId], rows.at(-1));
  }
  return pass;
}

/** @returns an Error that names the row when one of its values cannot be opened. */
function reseal(encryption: Encryption, { kind }: SealedTable, row: SealedRow): SealedValues | Error {
  const owner = ownerOf(kind, row.locationId, row.id);
  try {
    return mapSealed(row.values, (sealed) => encryption.reseal(sealed, owner));
  } catch (error) {
    return new Error(`${owner}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @returns false when the row is not as it was read any more. */
async function replace(
  { $client: sql }: Database,
  { name, id: idColumn, columns }: SealedTable,
  { locationId, id, values }: SealedRow,
  sealed: SealedValues,
): Promise<boolean> {
  const written = await sql`
    update ${sql(name)} t
    set (${sql(columns)}) = (
      select ${sql(columns)} from jsonb_populate_record(t, ${JSON.stringify(sealed)}::text::jsonb))
    where location_id = ${locationId} and ${sql(idColumn)} = ${id}
      and (select to_jsonb(v) from (select ${sql(columns.map((column) => `t.${column}`))}) v)
        = ${JSON.stringify(values)}::text::jsonb`;
  return written.count === 1;
}
