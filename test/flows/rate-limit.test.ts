import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { startTestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { makeFlow, sendTo } from './flow.ts';

it('an address may send 300 requests in 5 minutes, right or wrong, over all flows', async () => {
  const service = await running(startTestService({ TRUST_PROXY: '127.0.0.0/8' }));
  const flow = await makeFlow(service, { response: { body: 'ran' } });
  const unknown = () =>
    sendTo(`${service.url}/v1/flow-webhook/${randomUUID()}`, undefined, from('198.51.100.7'));
  const app = () => sendTo(`${service.url}/apps/x/webhooks/y`, undefined, from('198.51.100.7'));
  const statuses = new Map<number, number>();
  for (let round = 0; round < 100; round += 1) {
    const said = await Promise.all([flow.send(undefined, from('198.51.100.7')), unknown(), app()]);
    for (const { status } of said) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect(Object.fromEntries(statuses)).toEqual({ 200: 100, 401: 100, 404: 100 });
  const refused = await flow.send(undefined, from('198.51.100.7'));
  expect(refused.status).toBe(429);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(200);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(300);
  expect(JSON.parse(refused.text)).toMatchObject({ title: 'Too Many Requests', status: 429 });
  expect((await flow.send(undefined, from('198.51.100.8'))).text).toBe('ran');
});

it('an IPv6 network of /64 counts as one address, however it is written', async () => {
  const service = await running(startTestService({ TRUST_PROXY: '127.0.0.0/8' }));
  const url = `${service.url}/v1/flow-webhook/${randomUUID()}`;
  const from = async (address: string) =>
    (await sendTo(url, undefined, { 'x-forwarded-for': address })).status;
  for (let n = 0; n < 100; n += 1)
    await Promise.all([from(`2001:db8::${n}:a:b:c`), from(`2001:DB8:0:0::${n}`), from(`2001:db8::a:${n}`)]);
  expect(await from('2001:db8::ffff:1:2:3')).toBe(429);
  expect(await from('2001:db8:0:1::1')).toBe(401);
});

const from = (address: string) => ({ 'x-forwarded-for': address });
