import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Encrypts what the database must not hold in the clear: signing secrets and custom header values. */
export type Encryption = ReturnType<typeof createEncryption>;

const algorithm = 'aes-256-gcm';
/** Bytes, as NIST SP 800-38D recommends for GCM. */
const ivLength = 12;
const tagLength = 16;

/**
 * AES-256-GCM under one 32-byte key. A sealed text is `v1.<key id>.<base64url of iv, ciphertext and tag>` and opens
 * only for the owner it was sealed for, so that a value copied into another row does not decrypt.
 * @example
 * const sealed = encryption.seal('whsec_...', 'endpoint 41509791-3de8-5bb9-b4fc-a9753da95aad');
 * encryption.open(sealed, 'endpoint 41509791-3de8-5bb9-b4fc-a9753da95aad'); // 'whsec_...'
 */
export function createEncryption(key: Uint8Array) {
  const keyId = createHash('sha256').update(key).digest('hex').slice(0, 8);

  return {
    /** @returns the sealed text of `plain` for `owner`. */
    seal(plain: string, owner: string): string {
      const iv = randomBytes(ivLength);
      const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(owner));
      const parts = [iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `v1.${keyId}.${Buffer.concat(parts).toString('base64url')}`;
    },

    /** @throws Error when the text was sealed with another key, for another owner, or was changed. */
    open(sealed: string, owner: string): string {
      const [version, sealedWith, data] = sealed.split('.');
      if (version !== 'v1' || !data) throw new Error('The stored value is not an encrypted one.');
      if (sealedWith !== keyId)
        throw new Error(
          `The stored value was encrypted with the key ${sealedWith}, but BELLHOP_ENCRYPTION_KEY is ${keyId}.`,
        );
      const bytes = Buffer.from(data, 'base64url');
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivLength), {
        authTagLength: tagLength,
      })
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(-tagLength));
      return (
        decipher.update(bytes.subarray(ivLength, -tagLength), undefined, 'utf8') + decipher.final('utf8')
      );
    },
  };
}
