import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Encrypts what the database must not hold in the clear: signing secrets and custom header values. */
export type Encryption = ReturnType<typeof createEncryption>;

const algorithm = 'aes-256-gcm';
/** Bytes, as NIST SP 800-38D recommends for GCM. */
const ivLength = 12;
const tagLength = 16;

/**
 * AES-256-GCM under a 32-byte key. A sealed text is `v1.<key id>.<base64url of iv, ciphertext and tag>` and opens
 * only for the owner it was sealed for, so that a value copied into another row does not decrypt.
 * @param previousKey opens what was sealed with it; nothing is sealed with it any more.
 * @example
 * const sealed = encryption.seal('whsec_...', 'endpoint 41509791-3de8-5bb9-b4fc-a9753da95aad');
 * encryption.open(sealed, 'endpoint 41509791-3de8-5bb9-b4fc-a9753da95aad'); // 'whsec_...'
 */
export function createEncryption(key: Uint8Array, previousKey: Uint8Array = key) {
  const keyId = idOf(key);
  const previousKeyId = idOf(previousKey);
  const keys = new Map([
    [previousKeyId, previousKey],
    [keyId, key],
  ]);

  /** @returns the sealed text of `plain` for `owner`. */
  function seal(plain: string, owner: string): string {
    const iv = randomBytes(ivLength);
    const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(owner));
    const parts = [iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()];
    return `v1.${keyId}.${Buffer.concat(parts).toString('base64url')}`;
  }

  /** @throws Error when the text was sealed with another key, for another owner, or was changed. */
  function open(sealed: string, owner: string): string {
    const { sealedWith, data } = parse(sealed);
    const openingKey = keys.get(sealedWith);
    if (!openingKey) {
      const previous =
        previousKeyId === keyId ? '' : ` and BELLHOP_PREVIOUS_ENCRYPTION_KEY is ${previousKeyId}`;
      throw new Error(
        `The stored value was encrypted with the key ${sealedWith}, but BELLHOP_ENCRYPTION_KEY is ${keyId}${previous}.`,
      );
    }
    return decrypt(Buffer.from(data, 'base64url'), openingKey, owner);
  }

  return {
    seal,
    open,
    /** The ids of the keys: first the one that seals, then that which only opens, if there is one. */
    keyIds: keyId === previousKeyId ? [keyId] : [keyId, previousKeyId],
    /** The same text sealed with the key that seals; as it is, when it was sealed with that. @throws Error as `open`. */
    reseal: (sealed: string, owner: string): string =>
      parse(sealed).sealedWith === keyId ? sealed : seal(open(sealed, owner), owner),
  };
}

function idOf(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

function parse(sealed: string): { sealedWith: string; data: string } {
  const [version, sealedWith, data] = sealed.split('.');
  if (version !== 'v1' || !sealedWith || !data) throw new Error('The stored value is not an encrypted one.');
  return { sealedWith, data };
}

function decrypt(bytes: Buffer, key: Uint8Array, owner: string): string {
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivLength), { authTagLength: tagLength })
    .setAAD(Buffer.from(owner))
    .setAuthTag(bytes.subarray(-tagLength));
  return decipher.update(bytes.subarray(ivLength, -tagLength), undefined, 'utf8') + decipher.final('utf8');
}
