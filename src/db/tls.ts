import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

/** How a server is spoken to by TLS. `isOptional`: without, when it does not offer it. */
export type Tls = { isOptional: boolean; options: ConnectionOptions };

/**
 * What an `sslmode` means, as in libpq: https://www.postgresql.org/docs/current/libpq-ssl.html. `require` verifies
 * nothing, unless there is a root certificate.
 * @param mode as the URL has it; the driver takes `ssl=true` too.
 * @param rootFile file of the certificate authorities (PEM) to trust in place of the well-known ones and those of
 * `NODE_EXTRA_CA_CERTS`, which `system` stands for.
 * @returns null: no TLS.
 * @throws Error that says what is wrong: a mode that does not exist, or a file that cannot be read.
 * @example readTls('verify-full', '/etc/ssl/database.pem')
 */
export function readTls(mode: unknown, rootFile: unknown): Tls | null {
  const ca = typeof rootFile === 'string' && rootFile !== 'system' ? readCertificates(rootFile) : undefined;
  const modes: Record<string, Tls | null> = {
    false: null,
    allow: { isOptional: true, options: unverified },
    prefer: { isOptional: true, options: unverified },
    require: { isOptional: false, options: ca ? { ...verified, ...anyName, ca } : unverified },
    'verify-ca': { isOptional: false, options: { ...verified, ...anyName, ca } },
    'verify-full': { isOptional: false, options: { ...verified, ca } },
    true: { isOptional: false, options: { ...verified, ca } },
  };
  const tls = modes[String(mode)];
  if (tls !== undefined) return tls;
  throw new Error(
    `DATABASE_URL: sslmode must be disable, allow, prefer, require, verify-ca or verify-full, not ${String(mode)}.`,
  );
}

/** Spelled out, so that NODE_TLS_REJECT_UNAUTHORIZED changes neither. */
const verified = { rejectUnauthorized: true };
const unverified = { rejectUnauthorized: false };
const anyName = { checkServerIdentity: () => undefined };

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`DATABASE_URL: the sslrootcert ${file} cannot be read.`, { cause });
  }
}
