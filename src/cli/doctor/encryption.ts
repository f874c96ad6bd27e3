import type { Database } from '../../db/client.ts';
import { createEncryption, type Encryption } from '../../db/encryption.ts';
import { findSealedOtherwise, mapSealed, ownerOf, type SealedRow, sealedTables } from '../../db/sealed.ts';
import { describeError } from '../errors.ts';
import { type Check, checksOf } from './check.ts';

/** Whether the keys open what is stored. @param key null: there is none yet. */
export async function* examineEncryption(
  db: Database,
  key: Uint8Array | null,
  previousKey: Uint8Array | undefined,
): AsyncGenerator<Check> {
  const { ok, failed, warning } = checksOf('Encryption key');
  const encryption = createEncryption(key ?? new Uint8Array(32), previousKey);
  const { opened, previous, failures } = await openAll(db, encryption);
  const [failure] = failures;
  if (failure !== undefined)
    yield failed(
      `${failures.length} of ${failures.length + opened} stored secrets cannot be opened. ${failure}`,
      key
        ? 'Set BELLHOP_ENCRYPTION_KEY to the key that they were stored with.'
        : 'Restore encryption.key in DATA_DIR from a backup.',
    );
  else if (!key) yield ok('none yet: the first start makes it');
  else yield ok(opened === 0 ? 'there is nothing stored to open' : `opens all ${opened} stored secrets`);
  if (!previousKey || failure !== undefined) return;
  yield previous > 0
    ? warning(
        `${previous} stored secrets still need BELLHOP_PREVIOUS_ENCRYPTION_KEY`,
        'Run `bellhop reencrypt`.',
      )
    : warning('BELLHOP_PREVIOUS_ENCRYPTION_KEY opens nothing any more', 'Remove it from the environment.');
}

/** Secrets that open, those of them that only the previous key opens, and why others do not. */
type Opened = { opened: number; previous: number; failures: string[] };

async function openAll(db: Database, encryption: Encryption): Promise<Opened> {
  const found: Opened = { opened: 0, previous: 0, failures: [] };
  for (const table of sealedTables) {
    let rows = await findSealedOtherwise(db, table, []);
    while (rows.length > 0) {
      for (const row of rows) openRow(encryption, ownerOf(table.kind, row.locationId, row.id), row, found);
      rows = await findSealedOtherwise(db, table, [], rows.at(-1));
    }
  }
  return found;
}

function openRow(encryption: Encryption, owner: string, { values }: SealedRow, found: Opened): void {
  const [currentKeyId] = encryption.keyIds;
  mapSealed(values, (sealed) => {
    try {
      encryption.open(sealed, owner);
      found.opened += 1;
      if (!sealed.startsWith(`v1.${currentKeyId}.`)) found.previous += 1;
    } catch (error) {
      found.failures.push(`${owner}: ${describeError(error)}`);
    }
    return sealed;
  });
}
