import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createEncryption } from '../../src/db/encryption.ts';
import { loadEncryptionKey } from '../../src/db/encryption-key.ts';

const key = randomBytes(32);
const encryption = createEncryption(key);
/** What Node and we say of a text that does not open. */
const unopenable =
  /unable to authenticate data|not an encrypted one|encrypted with the key|Invalid (initialization vector|authentication tag)/;

it('what is sealed opens again for its owner, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (plain, owner) => {
      expect(encryption.open(encryption.seal(plain, owner), owner)).toBe(plain);
    }),
  );
});

it('the same text is sealed differently each time, and tells nothing of itself', () => {
  const sealed = [encryption.seal('whsec_abc', 'a'), encryption.seal('whsec_abc', 'a')];
  expect(sealed[0]).not.toBe(sealed[1]);
  for (const text of sealed) expect(text).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/);
});

it('another owner cannot open it', () => {
  const sealed = encryption.seal('secret', 'endpoint venue-1 a');
  expect(() => encryption.open(sealed, 'endpoint venue-1 b')).toThrow(unopenable);
});

it('another key cannot open it, and says so by name', () => {
  const sealed = encryption.seal('secret', 'a');
  const [, keyId = ''] = sealed.split('.');
  expect(() => createEncryption(randomBytes(32)).open(sealed, 'a')).toThrow(
    new RegExp(`encrypted with the key ${keyId}, but BELLHOP_ENCRYPTION_KEY is [0-9a-f]{8}`),
  );
});

it('a change of any character is noticed', () => {
  const sealed = encryption.seal('a secret of some length', 'a');
  for (let n = 0; n < sealed.length; n += 1) {
    const other = sealed[n] === 'A' ? 'Q' : 'A';
    const changed = sealed.slice(0, n) + other + sealed.slice(n + 1);
    expect(() => encryption.open(changed, 'a')).toThrow(unopenable);
  }
});

it.each(['', 'plain text', 'v1', 'v1.', 'v1.x', 'v2.a.b', 'v1..', '...'])('"%s" was never sealed', (text) => {
  expect(() => encryption.open(text, 'a')).toThrow(unopenable);
});

it.each([0, 1, 11, 12, 20, 27])('a text cut to %i bytes does not open', (length) => {
  const [version, keyId, data = ''] = encryption.seal('secret', 'a').split('.');
  const cut = Buffer.from(data, 'base64url').subarray(0, length).toString('base64url');
  expect(() => encryption.open(`${version}.${keyId}.${cut}`, 'a')).toThrow(unopenable);
});

it('the key of a data folder is made once, for this user alone', async () => {
  const folder = await makeFolder();
  const made = await loadEncryptionKey(folder);
  expect(made).toHaveLength(32);
  expect((await stat(join(folder, 'encryption.key'))).mode & 0o777).toBe(0o600);
  expect(await loadEncryptionKey(folder)).toEqual(made);
  expect(Buffer.from(await readFile(join(folder, 'encryption.key'), 'utf8'), 'base64')).toEqual(made);
});

it.each(['', 'x', randomBytes(31).toString('base64')])(
  'a key file that holds "%s" is refused',
  async (text) => {
    const folder = await makeFolder();
    await writeFile(join(folder, 'encryption.key'), text);
    await expect(loadEncryptionKey(folder)).rejects.toThrow(/does not hold an encryption key: restore it/);
  },
);

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-key-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
