import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import type { Credentials } from '../http/api-key.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { answers, createRouter, mayTake } from '../http/router.ts';
import { createLink } from '../http/sign-in-link.ts';

type Options = {
  db: Database;
  encryption: Encryption;
  credentials: Credentials;
  /** Where people reach Bellhop; undefined: where the request for the link did. */
  publicUrl: string | undefined;
};

/** Links by which the core app lets an admin of a venue into that venue's settings page, without a key of their own. */
export function portalLinkRoutes({ db, encryption, credentials, publicUrl }: Options) {
  const router = createRouter<LocationEnv>();
  return router.openapi(createRoute({ ...create, ...allowAtLocation(db, 'settings:write') }), async (c) => {
    const { ttlMinutes } = linkSchema.parse(c.req.valid('json'));
    const expiresAt = new Date(Date.now() + ttlMinutes * 60_000).toISOString();
    const { id: locationId } = c.var.location;
    const credential = credentials.of(c.var.key);
    const path = createLink(encryption, { credential, locationId, endsAt: expiresAt, once: false });
    await audited(db, c.var, async () => [
      null,
      { action: 'link.created', locationId, target: locationId, after: { expiresAt } },
    ]);
    return c.json({ url: new URL(path, publicUrl ?? c.req.url).href, expiresAt }, 201);
  });
}

/** Minutes that a link may live: a day. It is meant to be made when somebody is about to follow it. */
const maxTtlMinutes = 24 * 60;

const linkSchema = z.object({
  ttlMinutes: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(maxTtlMinutes, `must be at most ${maxTtlMinutes}`)
    .default(15)
    .openapi({ description: 'How long the link opens the page' }),
});

const create = {
  method: 'post',
  path: '/v1/locations/{id}/portal-links',
  operationId: 'portalLinks.create',
  summary: "Make a short-lived link to the location's settings page",
  description:
    'Whoever follows it may do at this location what the key may that made it, from any address, until they sign out, the key is revoked, or half a day has passed.',
  request: { params: locationPath, ...mayTake(linkSchema) },
  responses: {
    201: answers('The link', z.object({ url: z.url(), expiresAt: z.iso.datetime() })),
  },
} as const;
