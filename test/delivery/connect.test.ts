import { createServer } from 'node:net';
import type { SenderOptions } from '../../src/delivery/attempt.ts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Resolve } from '../../src/delivery/resolve.ts';
import { judgeUrl, parseCidrs } from '../../src/delivery/url-guard.ts';
import { startDeafListener, startRawReceiver, startReceiver } from '../support/receiver.ts';
import { certificate, expiredCertificate, privateKey } from './certificate.ts';
import { post, resolvesTo, running, sender } from './sending.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const blocked = { outcome: 'failed', reason: 'blocked', statusCode: null, connectedMs: null };
const onlyOne = parseCidrs('127.0.0.1');

describe('the guard at connect time', () => {
  test.each([
    ['an address', (port: number) => `http://127.0.0.1:${port}/`],
    ['an address in another spelling', (port: number) => `http://0x7f.1:${port}/`],
    ['an address as IPv6', (port: number) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['localhost', (port: number) => `http://localhost:${port}/`],
    ['a name that resolves to it', (port: number) => `http://hooks.example.com:${port}/`],
  ])('a receiver on this machine is not reached by %s', async (_case, url) => {
    const receiver = await running(startReceiver());
    const send = sender({ allow: [], resolve: resolvesTo('127.0.0.1') });
    expect(await send.attempt(post(url(receiver.port)))).toMatchObject(blocked);
    expect(receiver.openedCount()).toBe(0);
  });

  test('a name with an allowed and a forbidden address is blocked, in either order', async () => {
    const receiver = await running(startReceiver());
    for (const addresses of [
      ['127.0.0.1', '127.0.0.2'],
      ['127.0.0.2', '127.0.0.1'],
      ['127.0.0.1', '::1'],
    ]) {
      const send = sender({ allow: onlyOne, resolve: resolvesTo(...addresses) });
      expect(await send.attempt(post(`http://hooks.example.com:${receiver.port}/`))).toMatchObject(blocked);
    }
    expect(receiver.openedCount()).toBe(0);
  });

  test('a name that is turned to another address after it was saved is blocked', async () => {
    const receiver = await running(startReceiver());
    const url = `http://hooks.example.com:${receiver.port}/`;
    expect(judgeUrl(url, onlyOne).ok).toBe(true);
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.3']];
    const send = sender({ allow: onlyOne, resolve: () => Promise.resolve(answers.shift() ?? []) });
    expect(await send.attempt(post(url))).toMatchObject({ outcome: 'delivered' });
    await receiver.closed(1);
    expect(await send.attempt(post(url))).toMatchObject(blocked);
    expect(await send.attempt(post(url))).toMatchObject(blocked);
    expect(receiver.requests).toHaveLength(1);
  });

  test('a name is resolved once for a connection, so that it cannot change between check and use', async () => {
    const receiver = await running(startReceiver());
    const resolve = vi.fn<Resolve>(resolvesTo('127.0.0.1'));
    await sender({ resolve }).attempt(post(`http://hooks.example.com.:${receiver.port}/`));
    expect(resolve.mock.calls).toEqual([['hooks.example.com']]);
  });

  test.each(['http://printer/', 'http://a.internal/', 'http://example.com:22/'])(
    '%s, which only DELIVERY_ALLOW_CIDRS could excuse, is blocked on a public address outside it',
    async (url) => {
      expect(await sender({ resolve: resolvesTo('93.184.215.14') }).attempt(post(url))).toMatchObject(
        blocked,
      );
    },
  );

  test.each(['http://printer', 'http://a.internal', 'http://a.test'])(
    '%s is reached inside DELIVERY_ALLOW_CIDRS',
    async (name) => {
      const receiver = await running(startReceiver());
      const send = sender({ resolve: resolvesTo('127.0.0.1') });
      expect(await send.attempt(post(`${name}:${receiver.port}/`))).toMatchObject({ outcome: 'delivered' });
    },
  );

  test('localhost is answered here, with the loopback addresses that are allowed', async () => {
    const receiver = await running(startReceiver());
    const resolve = vi.fn<Resolve>(resolvesTo('10.0.0.1'));
    for (const host of ['localhost', 'LOCALHOST.', 'venue.localhost'])
      expect(
        await sender({ allow: onlyOne, resolve }).attempt(post(`http://${host}:${receiver.port}/`)),
      ).toMatchObject({
        outcome: 'delivered',
      });
    const elsewhere = sender({ allow: parseCidrs('10.0.0.0/8'), resolve });
    expect(await elsewhere.attempt(post(`http://localhost:${receiver.port}/`))).toMatchObject(blocked);
    expect(resolve).not.toHaveBeenCalled();
  });

  test('a URL that the policy of today refuses is blocked, whatever was saved', async () => {
    for (const url of ['ftp://127.0.0.1/', 'not a URL', 'http://a:b@127.0.0.1/', ''])
      expect(await sender().attempt(post(url))).toMatchObject(blocked);
  });

  test('what a resolver answers that is not an address is blocked', async () => {
    expect(await sender({ resolve: resolvesTo('127.1') }).attempt(post('http://example.com/'))).toMatchObject(
      blocked,
    );
  });
});

describe('names', () => {
  test.each([
    ['does not resolve', () => Promise.reject(new Error('queryA ENOTFOUND'))],
    ['has no addresses', resolvesTo()],
  ])('one that %s is failed with dns', async (_case, resolve) => {
    const result = await sender({ resolve }).attempt(post('http://hooks.example.com/'));
    expect(result).toMatchObject({ outcome: 'failed', reason: 'dns', statusCode: null, connectedMs: null });
  });
});

describe('connections', () => {
  test('a port on which nobody listens is failed with connect', async () => {
    const receiver = await startReceiver();
    await receiver.stop();
    const result = await sender().attempt(post(receiver.url));
    expect(result).toMatchObject({
      outcome: 'failed',
      reason: 'connect',
      statusCode: null,
      connectedMs: null,
    });
  });

  test('port 0 is failed with connect', async () => {
    expect(await sender().attempt(post('http://127.0.0.1:0/'))).toMatchObject({
      outcome: 'failed',
      reason: 'connect',
    });
  });

  test('an address that refuses gives way to the next at once', async () => {
    const receiver = await running(startReceiver());
    const send = sender({ resolve: resolvesTo('127.0.0.3', '127.0.0.2', '127.0.0.1') });
    expect(await send.attempt(post(`http://hooks.example.com:${receiver.port}/`))).toMatchObject({
      outcome: 'delivered',
    });
  });

  test.skipIf(process.platform !== 'linux')(
    'an address that hangs gives way to the next after a moment',
    async () => {
      const deaf = await running(startDeafListener());
      const server = createServer((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n')),
      );
      await new Promise<void>((resolve) => server.listen(deaf.port, '127.0.0.2', resolve));
      const send = sender({ resolve: resolvesTo('127.0.0.1', '127.0.0.2') });
      expect(await send.attempt(post(`http://hooks.example.com:${deaf.port}/`))).toMatchObject({
        outcome: 'delivered',
      });
      await new Promise((resolve) => server.close(resolve));
    },
  );
});

describe('TLS', () => {
  const tls = { key: privateKey, cert: certificate };
  const trusting = { resolve: resolvesTo('127.0.0.1'), trustedCertificates: [certificate] };
  const failed = { outcome: 'failed', reason: 'tls', statusCode: null, connectedMs: null };

  test('a certificate for the name, or the address, is accepted', async () => {
    const receiver = await running(startReceiver({ tls }));
    const send = sender(trusting);
    for (const host of ['hooks.example.com', 'hooks.example.com.', '127.0.0.1'])
      expect(await send.attempt(post(`https://${host}:${receiver.port}/`))).toMatchObject({
        outcome: 'delivered',
      });
    expect(receiver.requests).toHaveLength(3);
  });

  test.each<[string, Partial<SenderOptions>, host: string, cert?: string]>([
    ['self-signed', {}, 'hooks.example.com'],
    ['expired', { trustedCertificates: [expiredCertificate] }, 'hooks.example.com', expiredCertificate],
    ['for another name', { trustedCertificates: [certificate] }, 'other.example.com'],
    ['not for localhost', { trustedCertificates: [certificate] }, 'localhost'],
  ])(
    'a certificate that is %s is failed with tls, and nothing is sent',
    async (_case, options, host, cert = certificate) => {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      const receiver = await running(startReceiver({ tls: { ...tls, cert } }));
      const send = sender({ resolve: resolvesTo('127.0.0.1'), ...options });
      const result = await send.attempt(post(`https://${host}:${receiver.port}/`));
      expect(result).toMatchObject(failed);
      await receiver.closed(1);
      expect(receiver.requests).toEqual([]);
    },
  );

  test('a receiver without TLS, or one that hangs up in the handshake, is failed with tls', async () => {
    const plain = await running(startReceiver());
    expect(await sender().attempt(post(`https://127.0.0.1:${plain.port}/`))).toMatchObject(failed);
    const rude = await running(startRawReceiver((socket) => socket.once('data', () => socket.destroy())));
    expect(await sender().attempt(post(`https://127.0.0.1:${rude.port}/`))).toMatchObject(failed);
  });
});

describe('proxies', () => {
  test('those of the environment are not used', async () => {
    const proxy = await running(startReceiver());
    const receiver = await running(startReceiver());
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) vi.stubEnv(name, proxy.url);
    expect(await sender().attempt(post(receiver.url))).toMatchObject({ outcome: 'delivered' });
    expect(proxy.openedCount()).toBe(0);
  });
});
