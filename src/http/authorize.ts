import type { HttpBindings } from '@hono/node-server';
import { and, eq, isNull } from 'drizzle-orm';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { CidrList } from '../delivery/url-guard.ts';
import { contains, parseCidrs } from '../delivery/url-guard.ts';
import type { Database } from '../db/client.ts';
import { locations } from '../db/schema.ts';
import type { ApiKey, Scope } from './api-key.ts';
import { clientAddress } from './client-address.ts';
import { Problem } from './problem.ts';

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

/** Lets a request pass only with a valid key in `Authorization: Bearer <key>`, from an address that the key allows. */
export function authenticate(findKey: (key: string) => Promise<ApiKey | null>, trustProxy: CidrList) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const caller = c.env.caller ?? (await identify(c, findKey, trustProxy));
    c.set('caller', caller);
    c.set('key', caller.key);
    await next();
  });
}

async function identify(
  c: Context<AppEnv>,
  findKey: (key: string) => Promise<ApiKey | null>,
  trustProxy: CidrList,
): Promise<Caller> {
  const token = bearerToken(c);
  const key = await findKey(token);
  if (!key) throw unauthorized('This API key is unknown, revoked or expired.');
  const address = clientAddress(c.req, c.env.incoming.socket.remoteAddress, trustProxy);
  if (!mayComeFrom(key, address))
    throw new Problem(403, `This API key may not be used from the address ${address}.`);
  return { kind: 'key', key, address, isStillValid: async () => (await findKey(token)) !== null };
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

function unauthorized(detail: string): Problem {
  return new Problem(401, detail, { headers: { 'www-authenticate': 'Bearer' } });
}

/** Lets a request pass only when its key has the scope. */
export function allow(scope: Scope) {
  return createMiddleware<AppEnv>(async (c, next) => {
    requireScope(c.var.key, scope);
    await next();
  });
}

/**
 * Lets a request to `/v1/locations/{id}/...` pass only when its key has the scope and the location exists for it. A
 * location of others answers exactly as one that does not exist.
 */
export function allowAtLocation(db: Database, scope: Scope) {
  return createMiddleware<LocationEnv>(async (c, next) => {
    requireScope(c.var.key, scope);
    const id = c.req.param('id') ?? '';
    const location = maySee(c.var.key, id) ? await findLocation(db, id) : undefined;
    if (!location) throw unknownLocation();
    c.set('location', location);
    await next();
  });
}

/** Whether a key may see a location, be it there or not. */
export function maySee(key: ApiKey, locationId: string): boolean {
  return key.locationId === null || key.locationId === locationId;
}

/** The answer for a location that is not there, or not for this key. */
export function unknownLocation(): Problem {
  return new Problem(404, 'There is no location with this id.');
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
    throw new Problem(403, `This API key lacks the scope ${scope}.`);
}
