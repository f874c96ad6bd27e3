import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { running, setStage } from '../support/stage.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { createVisitor } from '../support/visitor.ts';

let service: TestService;
let sql: postgres.Sql;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let databaseUrl: string;

beforeAll(async () => {
  database = await createTestDatabase();
  databaseUrl = database.url;
  service = await startTestService({ DATABASE_URL: databaseUrl });
  sql = postgres(databaseUrl, { max: 2, onnotice: () => {} });
});

afterAll(async () => {
  await sql.end();
  await service.stop();
  await database.drop();
});

const cookie = 'bellhop-session';
const from = (address: string) => ({ 'x-forwarded-for': address });

async function makeKey(settings: object): Promise<{ id: string; key: string }> {
  const { status, body } = await service.api.post('/v1/keys', {
    name: 'Page',
    scopes: ['admin'],
    ...settings,
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
}

test('who is not signed in is led to the sign-in, and from there to where they wanted', async () => {
  const id = await addLocation(service.api, 'Wanted');
  const visitor = createVisitor(service.url);

  const refused = await visitor.get(`/locations/${id}/webhooks?x=1`);
  expect(refused.status).toBe(303);
  expect(refused.location).toBe(`/sign-in?next=${encodeURIComponent(`/locations/${id}/webhooks?x=1`)}`);

  const signedIn = await visitor.post('/sign-in', { key: adminKey, next: `/locations/${id}/webhooks?x=1` });
  expect(signedIn.location).toBe(`/locations/${id}/webhooks?x=1`);
  expect((await visitor.get(`/locations/${id}/webhooks`)).status).toBe(200);
});

test('nobody is led to another site by a sign-in', async () => {
  const elsewhere = ['//evil.example', '/\\evil.example', 'https://evil.example/', 'javascript:alert(1)'];
  for (const next of [...elsewhere, '/\t/evil.example', '/\n/evil.example', '/a\nb']) {
    const visitor = createVisitor(service.url);
    const { location } = await visitor.post('/sign-in', { key: adminKey, next });
    expect(location).toBe('/');
  }
});

test('a wrong key is told so at the field, and opens nothing', async () => {
  const visitor = createVisitor(service.url);
  const { status, html } = await visitor.post('/sign-in', { key: `bellhop_${'x'.repeat(43)}` });
  expect(status).toBe(401);
  expect(html).toContain('This API key is unknown, revoked or expired.');
  expect(html).toMatch(/<input[^>]*aria-invalid="true"[^>]*>/);
  expect(html).not.toContain('x'.repeat(43));
  expect(visitor.cookies.has(cookie)).toBe(false);
  expect((await visitor.get('/locations')).status).toBe(303);
});

test('text that cannot be a key is told so', async () => {
  for (const key of ['', ' ', 'ключ', 'a\nb', 'x'.repeat(600)]) {
    const { status } = await createVisitor(service.url).post('/sign-in', { key });
    expect(status).toBe(401);
  }
});

test('a key that may not see settings does not sign in, and the page says what it lacks', async () => {
  const { key } = await makeKey({ scopes: ['events:write'] });
  const { status, html } = await createVisitor(service.url).post('/sign-in', { key });
  expect(status).toBe(403);
  expect(html).toContain('lacks the scope settings:read');
});

test('of a session only the hash of its token is stored', async () => {
  const visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
  const token = visitor.cookies.get(cookie) ?? '';
  expect(token).toMatch(/^[\w-]{43}$/);
  const rows = await sql`select * from sessions`;
  expect(JSON.stringify(rows)).not.toContain(token);
});

test('the cookie is out of reach of scripts and other sites', async () => {
  const { headers } = await createVisitor(service.url).post('/sign-in', { key: adminKey });
  const [set = ''] = headers.getSetCookie();
  expect(set).toContain('HttpOnly');
  expect(set).toContain('SameSite=Lax');
  expect(set).not.toContain('Domain');
});

test('where TLS is on, the cookie has a __Host- name and goes by TLS alone', async () => {
  const behindTls = await running(
    startTestService({ DATABASE_URL: databaseUrl, PUBLIC_URL: 'https://hooks.example.com' }),
  );
  const { headers } = await createVisitor(behindTls.url).post('/sign-in', { key: adminKey });
  expect(headers.getSetCookie()[0]).toMatch(/^__Host-bellhop-session=.*Path=\/.*Secure/);
});

test('a proxy of ours says whether the browser came by TLS; nobody else does', async () => {
  const behindProxy = await running(
    startTestService({ DATABASE_URL: databaseUrl, TRUST_PROXY: '127.0.0.1/32' }),
  );
  const proto = { 'x-forwarded-proto': 'https' };
  const trusted = await createVisitor(behindProxy.url, proto).post('/sign-in', { key: adminKey });
  expect(trusted.headers.getSetCookie()[0]).toMatch(/^__Host-/);
  const untrusted = await createVisitor(service.url, proto).post('/sign-in', { key: adminKey });
  expect(untrusted.headers.getSetCookie()[0]).not.toMatch(/^__Host-/);
});

test('signing out ends the session on the server', async () => {
  const visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
  const token = visitor.cookies.get(cookie) ?? '';
  expect((await visitor.post('/sign-out')).status).toBe(303);
  expect(visitor.cookies.has(cookie)).toBe(false);
  visitor.cookies.set(cookie, token);
  expect((await visitor.get('/locations')).status).toBe(303);
});

test('a revoked key ends the sessions that it opened at once, an expired one too', async () => {
  for (const end of ['revoked', 'expired']) {
    const { id, key } = await makeKey({});
    const visitor = createVisitor(service.url);
    await visitor.signIn(key);
    expect((await visitor.get('/locations')).status).toBe(200);
    if (end === 'revoked') await service.api.delete(`/v1/keys/${id}`);
    else await sql`update api_keys set expires_at = now() where id = ${id}`;
    expect((await visitor.get('/locations')).status).toBe(303);
  }
});

test('another admin key in the environment ends the sessions of the one before', async () => {
  const visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
  const restarted = await running(
    startTestService({ DATABASE_URL: databaseUrl, BELLHOP_ADMIN_KEY: 'another-admin-key-'.repeat(3) }),
  );
  const later = createVisitor(restarted.url);
  later.cookies.set(cookie, visitor.cookies.get(cookie) ?? '');
  expect((await later.get('/locations')).status).toBe(303);
});

test('a session ends when it was idle for two hours, and twelve hours after it began', async () => {
  for (const column of ['used_at', 'ends_at']) {
    const visitor = createVisitor(service.url);
    await visitor.signIn(adminKey);
    const ago = column === 'used_at' ? '121 minutes' : '0 minutes';
    await sql`update sessions set ${sql(column)} = now() - ${ago}::interval where ends_at > now()`;
    expect((await visitor.get('/locations')).status).toBe(303);
  }
});

test('a session is used only from addresses that its key allows', async () => {
  const { key } = await makeKey({ allowedIps: ['203.0.113.7'] });
  const behindProxy = await running(
    startTestService({ DATABASE_URL: databaseUrl, TRUST_PROXY: '127.0.0.1/32' }),
  );
  const visitor = createVisitor(behindProxy.url);
  expect((await visitor.post('/sign-in', { key }, from('198.51.100.1'))).html).toContain('198.51.100.1');
  expect((await visitor.post('/sign-in', { key }, from('203.0.113.7'))).status).toBe(303);
  expect((await visitor.get('/locations', from('203.0.113.7'))).status).toBe(200);
  expect((await visitor.get('/locations', from('198.51.100.1'))).status).toBe(303);
});

test('a form without the token of its session changes nothing', async () => {
  const id = await addLocation(service.api);
  const visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
  for (const csrf of ['', 'f'.repeat(64)]) {
    const { status, html } = await visitor.post(`/locations/${id}/webhooks`, {
      csrf,
      url: 'https://example.com/',
    });
    expect(status).toBe(403);
    expect(html).toContain('Reload the page');
  }
  expect((await service.api.get(`/v1/locations/${id}/endpoints`)).body.items).toEqual([]);
});

test('a form from another site changes nothing, whatever it holds', async () => {
  const id = await addLocation(service.api);
  const visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ]) {
    const fields = { url: 'https://example.com/' };
    const { status } = await visitor.post(`/locations/${id}/webhooks`, fields, headers);
    expect({ headers, status }).toEqual({ headers, status: 403 });
  }
  expect((await service.api.get(`/v1/locations/${id}/endpoints`)).body.items).toEqual([]);
});

test('who tries keys from one address is stopped after a while', async () => {
  const alone = await running(startTestService());
  const visitor = createVisitor(alone.url);
  const statuses = [];
  for (let n = 0; n < 35; n++)
    statuses.push((await visitor.post('/sign-in', { key: `bellhop_${randomUUID()}` })).status);
  expect(statuses.slice(0, 30).every((status) => status === 401)).toBe(true);
  expect(statuses.at(-1)).toBe(429);
});

test('sign-ins, sign-outs and refused keys are in the audit log', async () => {
  const { id, key } = await makeKey({ name: 'Audited' });
  const visitor = createVisitor(service.url);
  await visitor.signIn(key);
  await visitor.post('/sign-out');
  const { body } = await service.api.get(`/v1/audit?actorId=${id}`);
  expect(body.items.map((entry: { action: string }) => entry.action)).toEqual([
    'session.closed',
    'session.opened',
  ]);
  expect(body.items[0].actor).toEqual({ kind: 'page', id, name: 'Audited' });
});

test('a portal link opens the page of its location, and of no other', async () => {
  const [own, other] = [await addLocation(service.api, 'Own'), await addLocation(service.api, 'Other')];
  const { status, body } = await service.api.post(`/v1/locations/${own}/portal-links`, { ttlMinutes: 5 });
  expect(status).toBe(201);
  expect(body.url).toMatch(new RegExp(`^${service.url}/sign-in/v1\\.`));
  const visitor = createVisitor(service.url);
  const opened = await visitor.get(new URL(body.url).pathname);
  expect(opened.location).toBe(`/locations/${own}`);
  expect((await visitor.get(`/locations/${own}`)).html).toContain('Own');
  expect((await visitor.get('/')).location).toBe(`/locations/${own}`);
  for (const path of [`/locations/${other}`, `/locations/${other}/webhooks`, `/locations/${other}/audit`])
    expect((await visitor.get(path)).status).toBe(404);
  expect((await visitor.get('/locations')).html).not.toContain('Other');
});

test('a portal link opens the page until it ends, is changed by nobody, and dies with the key that made it', async () => {
  const { id: keyId, key } = await makeKey({});
  const location = await addLocation(service.api);
  const api = service.api.as(key);
  const { body } = await api.post(`/v1/locations/${location}/portal-links`);
  const path = new URL(body.url).pathname;
  expect(Date.parse(body.expiresAt) - Date.now()).toBeGreaterThan(14 * 60_000);

  const [first, second] = [createVisitor(service.url), createVisitor(service.url)];
  expect((await first.get(path)).status).toBe(303);
  expect((await second.get(path)).status).toBe(303);

  const changed = `${path.slice(0, -2)}${path.endsWith('AA') ? 'BB' : 'AA'}`;
  expect((await createVisitor(service.url).get(changed)).status).toBe(410);

  await service.api.delete(`/v1/keys/${keyId}`);
  expect((await createVisitor(service.url).get(path)).status).toBe(410);
  expect((await first.get(`/locations/${location}`)).status).toBe(303);
});

test('a portal link may be followed from any address, although its key may not be used from there', async () => {
  const { key } = await makeKey({ allowedIps: ['127.0.0.1'] });
  const location = await addLocation(service.api);
  const { body } = await service.api.as(key).post(`/v1/locations/${location}/portal-links`);
  const behindProxy = await running(
    startTestService({ DATABASE_URL: databaseUrl, TRUST_PROXY: '127.0.0.1/32' }),
  );
  const visitor = createVisitor(behindProxy.url, { 'x-forwarded-for': '198.51.100.1' });
  expect((await visitor.get(new URL(body.url).pathname)).status).toBe(303);
  expect((await visitor.get(`/locations/${location}`)).status).toBe(200);
});

test('the links of a location are refused a life that is too short or too long', async () => {
  const location = await addLocation(service.api);
  for (const ttlMinutes of [0, -1, 1.5, 1441, '5'])
    expect((await service.api.post(`/v1/locations/${location}/portal-links`, { ttlMinutes })).status).toBe(
      422,
    );
});

test('the page may be framed by nobody, or by the origins that are configured', async () => {
  const { headers } = await createVisitor(service.url).get('/sign-in');
  expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  const embedded = await running(
    startTestService({
      DATABASE_URL: databaseUrl,
      PUBLIC_URL: 'https://hooks.example.com',
      FRAME_ANCESTORS: 'https://app.example.com, https://admin.example.com',
    }),
  );
  const framed = await createVisitor(embedded.url).get('/sign-in');
  expect(framed.headers.get('content-security-policy')).toContain(
    'frame-ancestors https://app.example.com https://admin.example.com',
  );
  const signedIn = await createVisitor(embedded.url).post('/sign-in', { key: adminKey });
  expect(signedIn.headers.getSetCookie()[0]).toMatch(/SameSite=None.*Partitioned|Partitioned.*SameSite=None/);
});

test('the first start prints a link that signs in once', async () => {
  const { spawn } = await setStage();
  const first = await spawn({ BELLHOP_ADMIN_KEY: '' });
  const link = first.log.map((line) => /\/sign-in\/\S+/.exec(line)?.[0]).find(Boolean) ?? '';
  const visitor = createVisitor(first.url);
  expect((await visitor.get(link)).location).toBe('/');
  expect((await visitor.get('/locations')).status).toBe(200);
  expect((await createVisitor(first.url).get(link)).status).toBe(410);
  await visitor.post('/sign-out');
  expect((await createVisitor(first.url).get(link)).status).toBe(410);
});
