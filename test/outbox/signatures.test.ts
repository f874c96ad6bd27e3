import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withSql } from '../db/dump.ts';
import { type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addEndpoint, addLocation } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let endpoint: { id: string; secret: string; path: string };
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  endpoint = await addEndpoint(service.api, await addLocation(service.api), receiver.url);
  return () => receiver.stop();
});

describe('the signature of a POST', () => {
  it('is verified by the Standard Webhooks library, and by no other secret', async () => {
    const other = await addEndpoint(service.api, await addLocation(service.api), receiver.url);
    const request = await sendTest();
    expect(verifies(endpoint.secret, request)).toBe(true);
    expect(verifies(other.secret, request)).toBe(false);
    expect(verifies(endpoint.secret, { ...request, body: `${request.body} ` })).toBe(false);
  });

  it('is made with both secrets while a rotation overlaps, with the new one after it', async () => {
    const rotated = await rotate({});
    expect(Date.parse(rotated.previousSecretUntil) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    const request = await sendTest();
    expect(signatureCount(request)).toBe(2);
    expect([endpoint.secret, rotated.secret].map((secret) => verifies(secret, request))).toEqual([
      true,
      true,
    ]);

    await withSql(
      service.databaseUrl,
      (sql) => sql`update endpoints set previous_secret_until = now() where id = ${endpoint.id}`,
    );
    const later = await sendTest();
    expect(signatureCount(later)).toBe(1);
    expect([endpoint.secret, rotated.secret].map((secret) => verifies(secret, later))).toEqual([false, true]);
  });

  it('is made with the new secret alone when there is no overlap', async () => {
    const rotated = await rotate({ overlapHours: 0 });
    const request = await sendTest();
    expect(signatureCount(request)).toBe(1);
    expect([endpoint.secret, rotated.secret].map((secret) => verifies(secret, request))).toEqual([
      false,
      true,
    ]);
  });

  it('is made with the last two secrets after two rotations', async () => {
    const [second, third] = [await rotate({ overlapHours: 168 }), await rotate({ overlapHours: 1 })];
    const request = await sendTest();
    const valid = [endpoint, second, third].map(({ secret }) => verifies(secret, request));
    expect(valid).toEqual([false, true, true]);
  });
});

describe('a rotation', () => {
  it('shows the new secret once, and its hint from then on', async () => {
    const rotated = await rotate({});
    expect(rotated.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(rotated.secret).not.toBe(endpoint.secret);
    const { body } = await service.api.get(endpoint.path);
    expect(body.secretHint).toBe(`…${rotated.secret.slice(-5)}`);
    expect(JSON.stringify(body)).not.toContain(rotated.secret.slice(6, -5));
  });

  it('leaves one of the parallel ones in force', async () => {
    const rotations = await Promise.all(Array.from({ length: 5 }, () => rotate({})));
    const request = await sendTest();
    expect(rotations.filter(({ secret }) => verifies(secret, request))).toHaveLength(2);
  });

  it.each<[unknown, string, string]>([
    [{ overlapHours: -1 }, 'overlapHours', 'must be at least 0'],
    [{ overlapHours: 169 }, 'overlapHours', 'must be at most 168'],
    [{ overlapHours: 1.5 }, 'overlapHours', 'must be a whole number'],
    [{ overlapHours: '1' }, 'overlapHours', 'must be a whole number'],
    [{ overlapHours: null }, 'overlapHours', 'must be a whole number'],
    ['24', '', 'expected object'],
  ])('is refused as %j, and the old secret stays', async (body, path, message) => {
    const answer = await service.api.post(`${endpoint.path}/rotate-secret`, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    const request = await sendTest();
    expect([signatureCount(request), verifies(endpoint.secret, request)]).toEqual([1, true]);
  });

  it('is refused when its wish is not sent as JSON, instead of done otherwise', async () => {
    const answer = await fetch(`${service.url}${endpoint.path}/rotate-secret`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'text/plain' },
      body: '{"overlapHours":0}',
    });
    expect(answer.status).toBe(415);
    expect(verifies(endpoint.secret, await sendTest())).toBe(true);
  });
});

async function rotate(body: object) {
  const answer = await service.api.post(`${endpoint.path}/rotate-secret`, body);
  expect(answer.status).toBe(200);
  return answer.body;
}

async function sendTest(): Promise<ReceivedRequest> {
  const { body } = await service.api.post(`${endpoint.path}/test`);
  expect(body.outcome).toBe('delivered');
  const request = receiver.requests.find(({ headers }) => headers['webhook-id'] === body.id);
  if (!request) throw new Error('The test was not received.');
  return request;
}

function verifies(secret: string, { headers, body }: ReceivedRequest): boolean {
  const own = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  try {
    new Webhook(secret).verify(body, Object.fromEntries(own.map((name) => [name, String(headers[name])])));
    return true;
  } catch {
    return false;
  }
}

const signatureCount = ({ headers }: ReceivedRequest) =>
  String(headers['webhook-signature']).split(' ').length;
