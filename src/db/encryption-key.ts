import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from './client.ts';
import type { Encryption } from './encryption.ts';
import { findSealedOtherwise, mapSealed, ownerOf, sealedTables } from './sealed.ts';

/** Bytes of a key for AES-256. */
const keyLength = 32;

/**
 * Reads the encryption key of an embedded database from `<dataDir>/encryption.key`; the first start makes it, readable
 * by this user alone. Without it nobody can read the secrets in the database: back up both.
 * @throws Error when the file holds anything else.
 */
export async function loadEncryptionKey(dataDir: string): Promise<Uint8Array> {
  const file = join(dataDir, 'encryption.key');
  const stored = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (stored !== null) return parseKey(stored, file);
  const key = randomBytes(keyLength);
  await writeFile(`${file}.new`, `${key.toString('base64')}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
  return key;
}

function parseKey(text: string, file: string): Uint8Array {
  const key = Buffer.from(text, 'base64');
  if (key.length !== keyLength)
    throw new Error(`${file} does not hold an encryption key: restore it from a backup.`);
  return key;
}

/**
 * Checks that every stored value was sealed with the encryption key, or the previous one.
 * @throws Error that names the keys, so that a start with the wrong one fails before any delivery does.
 */
export async function checkEncryptionKey(db: Database, encryption: Encryption): Promise<void> {
  for (const table of sealedTables) {
    const rows = await findSealedOtherwise(db, table, encryption.keyIds);
    for (const { locationId, id, values } of rows)
      mapSealed(values, (sealed) => encryption.open(sealed, ownerOf(table.kind, locationId, id)));
  }
}
