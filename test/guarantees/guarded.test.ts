import { describe, expect, test, vi } from 'vitest';
import { type Records, startNameServer } from '../delivery/name-server.ts';
import { ask } from '../support/own-resolver.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent } from '../support/venue.ts';

vi.mock('../../src/delivery/resolve.ts', () => import('../support/own-resolver.ts'));

const loopback = Buffer.from([127, 0, 0, 1]);
const publicAddress = Buffer.from([93, 184, 215, 14]);

const forbiddenUrls = [
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f.0.0.1/',
  'http://0177.0.0.1/',
  'http://127。0。0。1/',
  'http://①②⑦.⓪.⓪.①/',
  'http://%31%32%37.0.0.1/',
  'http:\\\\127.0.0.1\\',
  'http://0/',
  'http://10.0.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://168.63.129.16/',
  'http://192.168.1.1:8080/',
  'http://100.64.0.1/',
  'http://[::1]/',
  'http://[::]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[64:ff9b::a00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[fd00::1]/',
  'http://[fe80::1]/',
  'http://localhost/',
  'http://LOCALHOST./',
  'http://any.localhost/',
  'http://intranet/',
  'http://metadata.google.internal/',
  'http://printer.local/',
  'http://receiver.test/',
  'https://example.com@127.0.0.1/',
  'https://user:password@example.com/',
  'https://example.com:22/',
  'https://example.com:6000/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'example.com/hook',
  `https://example.com/${'a'.repeat(2048)}`,
  '',
];

describe('guarded', () => {
  test('a forbidden URL is refused in plain words when it is saved, however it is spelled', async () => {
    const { start, sql } = await setStage();
    const { api } = await start({ DELIVERY_ALLOW_CIDRS: '' });
    const locationId = await addLocation(api);
    const { id, path } = await addEndpoint(api, locationId, 'https://example.com/hook');
    for (const url of forbiddenUrls) {
      const answers = [
        await api.post(`/v1/locations/${locationId}/endpoints`, { url }),
        await api.patch(path, { url }),
      ];
      const message = expect.stringMatching(/^\S.{10,}$/);
      for (const { status, body } of answers)
        expect({ url, status, errors: body.errors }).toEqual({
          url,
          status: 422,
          errors: [{ path: 'url', message }],
        });
    }
    expect(await sql`select id, url from endpoints`).toEqual([{ id, url: 'https://example.com/hook' }]);
  });

  test('an endpoint that is forbidden after it was saved is not connected to: not by a delivery, a test or a resend', async () => {
    const { start, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const before = await start();
    const locationId = await addLocation(before.api);
    const endpoint = await addEndpoint(before.api, locationId, receiver.url);
    await before.stop();

    const { api } = await start({ DELIVERY_ALLOW_CIDRS: '' });
    const blocked = { outcome: 'failed', reason: 'blocked', statusCode: null };
    await handOver(api, newEvent(locationId));
    const [delivery] = await ledger.ended(locationId, 1);
    expect(delivery).toMatchObject(blocked);
    expect((await api.post(`${endpoint.path}/test`)).body).toMatchObject({ ...blocked, test: true });
    const resent = await api.post(`/v1/locations/${locationId}/deliveries/${delivery?.id}/resend`);
    expect(resent.body).toMatchObject({ ...blocked, resendOf: delivery?.id });
    const range = { from: '2000-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    expect((await api.post(`${endpoint.path}/resend`, range)).body.resends).toBe(1);
    for (const ended of await ledger.ended(locationId, 4)) expect(ended).toMatchObject(blocked);
    expect(receiver.openedCount()).toBe(0);
  });

  test('a redirect is not followed, to wherever it leads', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const target = await running(startReceiver());
    const receiver = await running(startReceiver());
    receiver.answerWith(({ url }, response) =>
      response
        .writeHead(Number(url.slice(1)), { location: target.url, refresh: `0; url=${target.url}` })
        .end(),
    );
    for (const statusCode of [201, 300, 301, 302, 303, 305, 307, 308]) {
      const locationId = await addVenue(api, `${receiver.url}/${statusCode}`);
      await handOver(api, newEvent(locationId));
      const [delivery] = await ledger.ended(locationId, 1);
      expect(delivery).toMatchObject({ outcome: statusCode === 201 ? 'delivered' : 'failed', statusCode });
    }
    expect(receiver.requests).toHaveLength(8);
    expect(target.openedCount()).toBe(0);
  });

  test('a name that leads to a forbidden address, also beside a public one, is not connected to', async () => {
    const { start, ledger } = await setStage();
    const records: Records = {};
    ask(await running(startNameServer(records)));
    const receiver = await running(startReceiver());
    const { api } = await start({ DELIVERY_ALLOW_CIDRS: '' });
    const mapped = Buffer.from('00000000000000000000ffff7f000001', 'hex');
    const answers: Records[] = [
      { a: [loopback] },
      { a: [publicAddress, loopback] },
      { aaaa: [mapped] },
      { a: [publicAddress], aaaa: [mapped] },
    ];
    for (const answer of answers) {
      Object.assign(records, { a: undefined, aaaa: undefined, ...answer });
      const locationId = await addVenue(api, `http://hooks.example.com:${receiver.port}/`);
      await handOver(api, newEvent(locationId));
      expect(await ledger.ended(locationId, 1)).toMatchObject([{ outcome: 'failed', reason: 'blocked' }]);
    }
    expect(receiver.openedCount()).toBe(0);
  });

  test('a name that changes its address to a forbidden one is judged again for each delivery', async () => {
    const { start, ledger } = await setStage();
    const records: Records = { a: [loopback] };
    ask(await running(startNameServer(records)));
    const receiver = await running(startReceiver());
    const { api } = await start({ DELIVERY_ALLOW_CIDRS: '127.0.0.1/32' });
    const locationId = await addVenue(api, `http://hooks.example.com:${receiver.port}/`);
    await handOver(api, newEvent(locationId));
    expect(await ledger.ended(locationId, 1)).toMatchObject([{ outcome: 'delivered' }]);
    // The connection that may be used again is gone.
    await receiver.closed(1);
    records.a = [Buffer.from([10, 0, 0, 1])];
    await handOver(api, newEvent(locationId));
    const [, second] = await ledger.ended(locationId, 2);
    expect(second).toMatchObject({ outcome: 'failed', reason: 'blocked' });
    expect(receiver.openedCount()).toBe(1);
  });

  test('proxies that the environment names are not used', async () => {
    const { spawn } = await setStage();
    const proxy = await running(startReceiver());
    const receiver = await running(startReceiver());
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
    const proxies = Object.fromEntries(names.map((name) => [name, proxy.url]));
    const { api } = await spawn({ ...proxies, NODE_USE_ENV_PROXY: '1' });
    const locationId = await addVenue(api, receiver.url);
    await handOver(api, newEvent(locationId));
    await receiver.received(1);
    expect(proxy.openedCount()).toBe(0);
  });
});
