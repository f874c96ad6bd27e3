import { describe, expect, test, vi } from 'vitest';
import { type Records, startNameServer } from '../delivery/name-server.ts';
import { ask } from '../support/own-resolver.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent } from '../support/venue.ts';
import { register } from '../webhooks/register.ts';

vi.mock('../../src/delivery/resolve.ts', () => import('../support/own-resolver.ts'));

const loopback = Buffer.from([127, 0, 0, 1]);
const publicAddress = Buffer.from([93, 184, 215, 14]);

/** What the URL policy forbids, in all the ways to write it; a receiver listens at PORT. */
const forbiddenUrls = [
  'http://127.0.0.1:PORT/',
  'http://127.1:PORT/',
  'http://127.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f.0.0.1:PORT/',
  'http://0X7F000001:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://017700000001:PORT/',
  'http://0x7f.0.01:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://127。0。0。1:PORT/',
  'http://127．0．0．1:PORT/',
  'http://127｡0｡0｡1:PORT/',
  'http://１２７.1:PORT/',
  'http://①②⑦.⓪.⓪.①:PORT/',
  'http://127.0.0.\u00AD1:PORT/',
  'http://%31%32%37.0.0.1:PORT/',
  'http://127%2E0%2E0%2E1:PORT/',
  'http:\\\\127.0.0.1:PORT\\',
  'http:127.0.0.1:PORT',
  'http:///127.0.0.1:PORT/',
  ' \tht\ntp://127.\r\n0.0.1:PORT/ ',
  'http://127.0.0.1:PORT\\@example.com/',
  'http://0:PORT/',
  'http://0.0.0.0:PORT/',
  'http://10.0.0.1/',
  'http://100.64.0.1/',
  'http://100.100.100.200/latest/meta-data/',
  'http://168.63.129.16/',
  'http://169.254.169.254/latest/meta-data/',
  'http://0xA9FEA9FE/',
  'http://172.31.255.255/',
  'http://192.0.0.192/',
  'http://192.168.1.1:8080/',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://[::1]:PORT/',
  'http://[::]:PORT/',
  'http://[0:0:0:0:0:0:0:1]:PORT/',
  'http://[::127.0.0.1]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::FFFF:7F00:1]:PORT/',
  'http://[::ffff:0:7f00:1]:PORT/',
  'http://[64:ff9b::7f00:1]:PORT/',
  'http://[64:ff9b:1::a00:1]/',
  'http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/',
  'http://[2002:7f00:1::]:PORT/',
  'http://[2600::5efe:7f00:1]:PORT/',
  'http://[2600::200:5efe:10.0.0.1]/',
  'http://[100::1]/',
  'http://[2001:db8::1]/',
  'http://[5f00::1]/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fe80::1]/',
  'http://[fe80::1%25lo]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
  'http://localhost:PORT/',
  'http://LOCALHOST.:PORT/',
  'http://ｌｏｃａｌｈｏｓｔ:PORT/',
  'http://lo\u00ADcalhost:PORT/',
  'http://localhost%2e:PORT/',
  'http://any.localhost:PORT/',
  'http://intranet/',
  'http://metadata.google.internal/',
  'http://printer.local/',
  'http://printer.local。/',
  'http://router.home.arpa/',
  'http://receiver.test/',
  'http://example.onion/',
  'http://example..com/',
  'http://xn--a/',
  'https://example.com@127.0.0.1:PORT/',
  'https://user:password@example.com/',
  'https://127.0.0.1%2f@example.com/',
  'https://example.com:22/',
  'https://example.com:0/',
  'https://example.com:6000/',
  'https://example.com:65536/',
  'ftp://example.com/',
  'gopher://127.0.0.1:PORT/_',
  'ws://example.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/plain,x',
  '//127.0.0.1:PORT/',
  'example.com/hook',
  `https://example.com/${'a'.repeat(2048)}`,
  '',
];

describe('guarded', { timeout: 90_000 }, () => {
  test('a forbidden URL is refused in plain words when it is saved, however it is spelled', async () => {
    const { start, sql } = await setStage();
    const { api } = await start({ DELIVERY_ALLOW_CIDRS: '' });
    const good = 'https://example.com/hook';
    const { locationId, path: webhookPath } = await register(api, { url: good });
    const { path } = await addEndpoint(api, locationId, good);
    for (const forbidden of forbiddenUrls) {
      const url = forbidden.replace('PORT', '8080');
      const answers = [
        await api.post(`/v1/locations/${locationId}/endpoints`, { url }),
        await api.patch(path, { url }),
        await api.put(webhookPath, { url }),
      ];
      const message = expect.stringMatching(/^\S.{10,}$/);
      for (const { status, body } of answers)
        expect({ url, status, errors: body.errors }).toEqual({
          url,
          status: 422,
          errors: [{ path: 'url', message }],
        });
    }
    expect(await sql`select url from endpoints union all select url from webhooks`).toEqual([
      { url: good },
      { url: good },
    ]);
  });

  test('a forbidden URL that is stored nevertheless is not connected to: not by a delivery, a test, a resend or a trigger', async () => {
    const { start, sql, ledger } = await setStage();
    const { api } = await start({ DELIVERY_ALLOW_CIDRS: '' });
    const receiver = await running(startReceiver());
    const blocked = { outcome: 'failed', reason: 'blocked', statusCode: null };
    const judgeAll = async (url: string) => {
      const good = 'https://example.com/';
      const { locationId, trigger, lastInvocation } = await register(api, { url: good });
      const endpoint = await addEndpoint(api, locationId, good);
      await sql`update endpoints set url = ${url} where location_id = ${locationId}`;
      await sql`update webhooks set url = ${url} where location_id = ${locationId}`;
      await handOver(api, newEvent(locationId));
      const [delivery] = await ledger.ended(locationId, 1);
      const tested = await api.post(`${endpoint.path}/test`);
      const resent = await api.post(`/v1/locations/${locationId}/deliveries/${delivery?.id}/resend`);
      for (const end of [delivery, tested.body, resent.body])
        expect({ url, end }).toEqual({ url, end: expect.objectContaining(blocked) });
      // What is no URL never gets into the table of webhooks, where each is stored as it was parsed.
      if (!URL.canParse(url)) return;
      const triggered = await trigger({ data: 'x' });
      expect({ url, ...triggered.body }).toMatchObject({ url, status: 0, error: true });
      expect({ url, ...(await lastInvocation()) }).toMatchObject({
        url,
        outcome: 'failed',
        reason: 'blocked',
      });
    };
    // One that is too long is refused before it is judged.
    const left = forbiddenUrls.filter(({ length }) => length <= 2048);
    const work = async () => {
      for (let url = left.pop(); url !== undefined; url = left.pop())
        await judgeAll(url.replace('PORT', `${receiver.port}`));
    };
    await Promise.all([work(), work(), work()]);
    expect(left).toEqual([]);
    expect(receiver.openedCount()).toBe(0);
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
    const { api } = await spawn({ ...proxies, NO_PROXY: '', no_proxy: '', NODE_USE_ENV_PROXY: '1' });
    const { locationId, trigger } = await register(api, { url: receiver.url });
    const endpoint = await addEndpoint(api, locationId, receiver.url);
    await handOver(api, newEvent(locationId));
    await receiver.received(1);
    await api.post(`${endpoint.path}/test`);
    await trigger({ data: 'x' });
    expect(receiver.requests).toHaveLength(3);
    expect(proxy.openedCount()).toBe(0);
  });
});
