import type { HttpBindings } from '@hono/node-server';
import { z } from '@hono/zod-openapi';
import { and, eq, isNull } from 'drizzle-orm';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { CidrList } from '../delivery/url-guard.ts';
import { contains, parseCidrs } from '../delivery/url-guard.ts';
import type { Database } from '../db/client.ts';
import { locations } from '../db/schema.ts';
import type { ApiKey, FoundKey, Scope } from './api-key.ts';
import { clientAddress } from './client-address.ts';
import { Problem, type Refusal } from './problem.ts';
import { WrongKeys } from './wrong-keys.ts';

/** Who makes a request, and from where: an API key by itself, or a person at the page who acts by one. */
export type Caller = {
  kind: 'key' | 'page' | 'link';
  key: ApiKey;
  address: string;
  /** Asked now and then by answers that go on for long: false once the key is revoked, or the sign-in over. */
  isStillValid: () => Promise<boolean>;
};

/**
 * What every handler under `/v1` finds in its context. The page, which calls the API in this process, says in `caller`
 * for whom; nobody outside can.
 */
export type AppEnv = {
  Bindings: HttpBindings & { caller?: Caller };
  Variables: { requestId: string; key: ApiKey; caller: Caller };
};

/** What a handler under `/v1/locations/{id}` finds besides. */
export type LocationEnv = AppEnv & { Variables: { location: Location } };

/** A location that exists and that the caller's key may see. */
export type Location = typeof locations.$inferSelect;

/** Tells whose key a text is; see `createKeyFinder`. */
export type FindKey = (key: string) => Promise<FoundKey | null>;

/** Lets a request pass only with a valid key in `Authorization: Bearer <key>`, from an address that the key allows. */
export function authenticate(findKey: FindKey, trustProxy: CidrList) {
  const wrongKeys = new WrongKeys();
  return createMiddleware<AppEnv>(async (c, next) => {
    const caller = c.env.caller ?? (await identify(c, { findKey, trustProxy, wrongKeys }));
    c.set('caller', caller);
    c.set('key', caller.key);
    await next();
  });
}

async function identify(
  c: Context<AppEnv>,
  { findKey, trustProxy, wrongKeys }: { findKey: FindKey; trustProxy: CidrList; wrongKeys: WrongKeys },
): Promise<Caller> {
  const token = bearerToken(c);
  const address = clientAddress(c.req, c.env.incoming.socket.remoteAddress, trustProxy);
  wrongKeys.check(token, address);
  const found = await findKey(token);
  wrongKeys.note(token, address, found?.isExpired === false);
  if (!found) throw invalidKey({ reason: 'unknown', key: null });
  const { key, isExpired } = found;
  if (isExpired) throw invalidKey({ reason: 'expired', key });
  if (!mayComeFrom(key, address))
    throw new Problem(403, `This API key may not be used from the address ${address}.`, {
      refusal: { reason: 'address', key },
    });
  return { kind: 'key', key, address, isStillValid: async () => (await findKey(token))?.isExpired === false };
}

/** Whether a key's "strict access" lets it be used from an address. */
export function mayComeFrom({ allowedIps }: ApiKey, address: string): boolean {
  return !allowedIps || contains(parseCidrs(allowedIps.join(',')), address);
}

function bearerToken(c: Context): string {
  const [, token] = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
  if (!token) throw unauthorized('Send an API key: `Authorization: Bearer <key>`.');
  return token;
}

/** One answer for all: it does not tell which keys there were. */
function invalidKey(refusal: Refusal): Problem {
  return unauthorized('This API key is unknown, revoked or expired.', refusal);
}

function unauthorized(detail: string, refusal?: Refusal): Problem {
  return new Problem(401, detail, {
    headers: { 'www-authenticate': 'Bearer' },
    ...(refusal && { refusal }),
  });
}

/**
 * Lets a request pass only when its key has the scope, and says so in the description of the API.
 * @example createRoute({ method: 'get', path: '/v1/keys', ...allow('admin'), responses });
 */
export function allow(scope: Scope) {
  const middleware = createMiddleware<AppEnv>(async (c, next) => {
    requireScope(c.var.key, scope);
    await next();
  });
  return { middleware, ...needs(scope) };
}

/** As {@link allow}, for what tells of all locations together: a key that is bound to one of them does not see it. */
export function allowWholeService(scope: Scope) {
  const middleware = createMiddleware<AppEnv>(async (c, next) => {
    const { key } = c.var;
    requireScope(key, scope);
    if (key.locationId !== null)
      throw new Problem(
        404,
        'This tells of the whole service: use an API key that is bound to no location.',
        {
          refusal: { reason: 'location', key },
        },
      );
    await next();
  });
  return { middleware, ...needs(scope) };
}

const needs = (scope: Scope) => ({ security: [{ apiKey: [scope] }] });

/** The path of a location, as {@link allowAtLocation} reads it: an id that cannot be is one that is not there. */
export const locationPath = z.object({
  id: z.string().openapi({ description: "The core app's own id of the location", example: 'kamen-test' }),
});

/**
 * Lets a request to `/v1/locations/{id}/...` pass only when its key has the scope and the location exists for it. A
 * location of others answers exactly as one that does not exist.
 */
export function allowAtLocation(db: Database, scope: Scope) {
  const middleware = createMiddleware<LocationEnv>(async (c, next) => {
    requireScope(c.var.key, scope);
    const id = c.req.param('id') ?? '';
    requireSight(c.var.key, id);
    const location = await findLocation(db, id);
    if (!location) throw unknownLocation();
    c.set('location', location);
    await next();
  });
  return { middleware, ...needs(scope) };
}

/** Whether a key may see a location, be it there or not. */
export function maySee(key: ApiKey, locationId: string): boolean {
  return key.locationId === null || key.locationId === locationId;
}

/** @throws Problem when a key may not see a location: the one of a location that is not there. */
export function requireSight(key: ApiKey, locationId: string): void {
  if (!maySee(key, locationId)) throw unknownLocation({ reason: 'location', key });
}

/** The answer for a location that is not there, or not for this key. */
export function unknownLocation(refusal?: Refusal): Problem {
  return new Problem(404, 'There is no location with this id.', refusal && { refusal });
}

async function findLocation(db: Database, id: string): Promise<Location | undefined> {
  // PostgreSQL refuses NUL; no location has it in its id.
  if (id.includes('\0')) return undefined;
  const [location] = await db
    .select()
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.deletedAt)));
  return location;
}

function requireScope(key: ApiKey, scope: Scope): void {
  if (!key.scopes.includes(scope) && !key.scopes.includes('admin'))
    throw new Problem(403, `This API key lacks the scope ${scope}.`, { refusal: { reason: 'scope', key } });
}
