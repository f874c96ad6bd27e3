import { z } from '@hono/zod-openapi';
import type { Encryption } from '../db/encryption.ts';

const linkSchema = z.object({
  credential: z.string(),
  locationId: z.string().nullable(),
  endsAt: z.iso.datetime(),
  once: z.boolean(),
});

/**
 * What a sign-in link says: as which key it signs in (see {@link createCredentials}), at which location (null: wherever
 * the key may go), until when, and whether it opens only once.
 */
export type SignInLink = z.output<typeof linkSchema>;

const owner = 'sign-in link';

/**
 * The path under which a link opens the page. Its last part is encrypted and authenticated, so that nobody can read,
 * change or make one.
 * @example createLink(encryption, link); // '/sign-in/v1.3f9a01bc.…'
 */
export function createLink(encryption: Encryption, link: SignInLink): string {
  return `/sign-in/${encryption.seal(JSON.stringify(link), owner)}`;
}

/** What the last part of a link's path says; null when it is not one of ours or has ended. */
export function openLink(encryption: Encryption, sealed: string): SignInLink | null {
  let text: string;
  try {
    text = encryption.open(sealed, owner);
  } catch {
    return null;
  }
  const link = linkSchema.parse(JSON.parse(text));
  return new Date(link.endsAt) > new Date() ? link : null;
}
