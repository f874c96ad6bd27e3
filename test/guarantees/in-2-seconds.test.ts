import { Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type * as signature from '../../src/delivery/signature.ts';
import { startNameServer } from '../delivery/name-server.ts';
import { ask } from '../support/own-resolver.ts';
import {
  drip,
  type Listener,
  onFirstData,
  sayNothing,
  startDeafListener,
  startRawReceiver,
  startReceiver,
} from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addVenue, handOver, newEvent } from '../support/venue.ts';

vi.mock('../../src/delivery/resolve.ts', () => import('../support/own-resolver.ts'));

/** Called whenever a POST is about to be signed. */
const onSigning = vi.hoisted(() => vi.fn<() => void>());
vi.mock('../../src/delivery/signature.ts', async (importOriginal) => {
  const original = await importOriginal<typeof signature>();
  const sign: typeof original.sign = (message) => {
    onSigning();
    return original.sign(message);
  };
  return { ...original, sign };
});

const timeoutMs = 2000;
/** The promise is 2150 ms; a busy machine adds to that, in the service and in the receiver. */
const busyMs = 3500;

/** Measures from a connection's beginning to its end, as the receiver sees it. */
async function connectionMs(receiver: Listener): Promise<number> {
  await receiver.opened(1);
  const openedAt = performance.now();
  await receiver.closed(1);
  return performance.now() - openedAt;
}

/** Begins to answer with these bytes, and then says nothing more. */
function say(bytes: string): (socket: Socket) => void {
  return onFirstData((socket) => socket.write(bytes));
}

function head(status: string): string {
  return `HTTP/1.1 ${status}\r\ntransfer-encoding: chunked\r\n\r\n`;
}

const chunk = '10\r\n0123456789abcdef\r\n';

describe('in 2 seconds', () => {
  test('whatever a receiver does to keep it waiting, its connection is closed and the delivery timed out', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const hostile: Record<string, [scheme: string, behave: (socket: Socket) => void]> = {
      'says nothing': ['http', sayNothing],
      'says half a head, and then nothing': ['http', say('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n')],
      'drips an endless head': ['http', drip('HTTP/1.1 200 OK\r\n', 'x-more: 1\r\n', 50)],
      'drips an endless status line': ['http', drip('HTTP/1.1 200 ', 'O', 50)],
      'says again and again that it goes on': ['http', drip('', 'HTTP/1.1 102 Processing\r\n\r\n', 50)],
      'says nothing to the TLS handshake': ['https', sayNothing],
      // The head of a TLS record of 16 KiB, which never gets full.
      'drips its TLS handshake': ['https', drip('\x16\x03\x03\x40\x00', '\0', 50)],
    };
    const ends = Object.entries(hostile).map(async ([name, [scheme, behave]]) => {
      const receiver = await running(startRawReceiver(behave));
      const locationId = await addVenue(api, `${scheme}://127.0.0.1:${receiver.port}/`);
      const closed = connectionMs(receiver);
      await handOver(api, newEvent(locationId));
      const openMs = await closed;
      const [delivery] = await ledger.ended(locationId, 1);
      return { name, openMs, openedCount: receiver.openedCount(), ...delivery };
    });
    for (const end of await Promise.all(ends)) {
      expect(end).toMatchObject({
        outcome: 'timed_out',
        reason: 'timeout',
        statusCode: null,
        openedCount: 1,
      });
      expect(end.durationMs).toBeGreaterThanOrEqual(timeoutMs - 10);
      expect(end.durationMs).toBeLessThan(busyMs);
      expect(end.openMs).toBeLessThan(busyMs);
    }
  });

  test.skipIf(process.platform !== 'linux')('connecting that hangs is given up, and timed out', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const deaf = await running(startDeafListener());
    const locationId = await addVenue(api, `http://127.0.0.1:${deaf.port}/`);
    await handOver(api, newEvent(locationId));
    const [delivery] = await ledger.ended(locationId, 1);
    expect(delivery).toMatchObject({ outcome: 'timed_out', reason: 'timeout' });
    expect(delivery?.durationMs).toBeLessThan(busyMs);
  });

  test('a name server that says nothing is given up, and timed out', async () => {
    const nameServer = await running(startNameServer({ a: 'silent', aaaa: 'silent' }));
    ask(nameServer);
    const { start, ledger } = await setStage();
    const { api } = await start();
    const locationId = await addVenue(api, 'http://hooks.example.com/');
    await handOver(api, newEvent(locationId));
    const [delivery] = await ledger.ended(locationId, 1);
    expect(nameServer.asked).toContain('A hooks.example.com');
    expect(delivery).toMatchObject({ outcome: 'timed_out', reason: 'timeout' });
    expect(delivery?.durationMs).toBeLessThan(busyMs);
  });

  test('the head of an answer decides, whatever its body does, and the connection is closed', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const answers: [bytes: (socket: Socket) => void, delivery: object][] = [
      [drip(head('200 OK'), chunk), { outcome: 'delivered', reason: null, statusCode: 200 }],
      [say(head('202 Accepted')), { outcome: 'delivered', reason: null, statusCode: 202 }],
      [drip(head('500 Oops'), chunk), { outcome: 'failed', reason: 'http_status', statusCode: 500 }],
      [say(head('404 Not Found')), { outcome: 'failed', reason: 'http_status', statusCode: 404 }],
    ];
    const ends = answers.map(async ([behave, expected]) => {
      const receiver = await running(startRawReceiver(behave));
      const locationId = await addVenue(api, receiver.url);
      const closed = connectionMs(receiver);
      await handOver(api, newEvent(locationId));
      expect(await closed).toBeLessThan(busyMs);
      expect(await ledger.ended(locationId, 1)).toEqual([expect.objectContaining(expected)]);
    });
    await Promise.all(ends);
  });

  test('a process that is paused after its claim sends nothing once the time is over', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const receiver = await running(startReceiver());
    const locationId = await addVenue(api, receiver.url);
    onSigning.mockImplementationOnce(pause);
    await handOver(api, newEvent(locationId));
    expect(await ledger.ended(locationId, 1)).toMatchObject([{ outcome: 'abandoned', reason: 'crashed' }]);
    expect(receiver.openedCount()).toBe(0);
  });

  test('a process that is paused while it connects sends nothing once the time is over', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const receiver = await running(startReceiver());
    const count = 10;
    const locationIds = await Promise.all(
      Array.from({ length: count }, (_, n) => addVenue(api, `${receiver.url}/${n}`)),
    );
    pauseWhenConnected(receiver.port);
    await handOver(
      api,
      locationIds.map((locationId) => newEvent(locationId)),
    );
    await ledger.settled();
    await receiver.closed(count);
    expect((await ledger.deliveries()).map(({ outcome }) => outcome)).toEqual(Array(count).fill('timed_out'));
    expect(receiver.requests).toEqual([]);
  });
});

/** Stops this whole process for the time of an attempt. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeoutMs + 100);
}

/** Pauses when the first connection to the port stands. */
function pauseWhenConnected(port: number): void {
  const emit = Reflect.get(Socket.prototype, 'emit');
  const spy = vi.spyOn(Socket.prototype, 'emit').mockImplementation(function (this: Socket, ...args) {
    const [event]: unknown[] = args;
    if (event === 'connect' && this.remotePort === port) {
      spy.mockRestore();
      pause();
    }
    return Reflect.apply(emit, this, args);
  });
}
