import { z } from '@hono/zod-openapi';
import { scopes } from '../db/schema.ts';
import { parseCidrs } from '../delivery/url-guard.ts';
import { locationId, uuid } from '../events/event.ts';
import { text } from '../http/text.ts';
import { timestamp } from '../http/timestamp.ts';

const scope = z.enum(scopes, `must be one of ${scopes.join(', ')}`);

const addressRange = z.string('must be a text').refine((range) => {
  try {
    return parseCidrs(range).length === 1;
  } catch {
    return false;
  }
}, 'must be an IP address or a range like 198.51.100.0/24');

/** Scopes in a list, repeated ones included. */
const maxScopes = 100;

/** A key as it is made. */
export const newKeySchema = z
  .object({
    name: text(1, 100).openapi({ example: 'Core app' }),
    scopes: z
      .array(scope, 'must be a list of scopes')
      .min(1, 'must name at least one scope')
      .max(maxScopes, `must name at most ${maxScopes} scopes`)
      .transform((list) => scopes.filter((name) => list.includes(name))),
    locationId: locationId.nullable().default(null),
    allowedIps: z
      .array(addressRange)
      .min(1, 'must name at least one address; leave it out to allow all')
      .max(100, 'must name at most 100 ranges')
      .nullable()
      .default(null)
      .openapi({ example: ['198.51.100.0/24'] }),
    expiresAt: timestamp
      .refine((time) => time > new Date(), 'must be in the future')
      .nullable()
      .default(null),
  })
  .openapi('NewKey');

const time = z.iso.datetime().nullable();

/** A key as it is answered. */
export const keySchema = z
  .object({
    id: uuid,
    name: z.string(),
    scopes: z.array(scope),
    locationId: locationId.nullable(),
    allowedIps: z.array(z.string()).nullable(),
    hint: z.string().openapi({ description: 'The last characters of the key' }),
    createdAt: z.iso.datetime(),
    expiresAt: time,
    lastUsedAt: time,
  })
  .openapi('Key');
