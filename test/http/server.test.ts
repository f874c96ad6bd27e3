import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/http/server.ts';
import { openSocket, readAnswer, sendRaw } from './raw.ts';

/** Far below the 30 s after which Node would look at its times by itself. */
const soonMs = 10_000;

const whole = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const half = 'GET / HTTP/1.1\r\nhost: x\r\nx: ';
const slowBody = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc';

type Limits = Omit<Parameters<typeof listen>[1], 'host' | 'port'>;

/** A server that answers 'ok' when it has read the body. */
async function serve(limits: Limits, answer = readAndAnswer) {
  const server = await listen(answer, { host: '127.0.0.1', port: 0, ...limits });
  onTestFinished(() => server.close());
  return server.url;
}

/** Answers without an end; `cut` resolves when the connection of the first is closed. */
function answerEndlessly() {
  let cancel: () => void;
  const cut = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  const body = () =>
    new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65_536)), cancel: () => cancel() });
  return { endless: async () => new Response(body()), cut };
}

/** Connections of this process, of both sides. */
function connectionCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

async function readAndAnswer(request: Request): Promise<Response> {
  try {
    await request.text();
  } catch {
    return new Response('broken off', { status: 400 });
  }
  return new Response('ok');
}

/** Answers that wait until they are released. */
function holdAnswers() {
  const releases: (() => void)[] = [];
  const slow = () =>
    new Promise<Response>((resolve) => {
      releases.push(() => resolve(new Response('at last')));
    });
  return { slow, releases };
}

/** A connection that has sent these bytes, and the answer to come. */
function begin(url: string, bytes: string): { socket: Socket; answer: ReturnType<typeof readAnswer> } {
  const socket = openSocket(url);
  socket.write(bytes);
  return { socket, answer: readAnswer(socket) };
}

/** Writes a byte from time to time until the connection is closed. */
function keepDripping(socket: Socket): void {
  const timer = setInterval(() => socket.writable && socket.write('a'), 50);
  socket.once('close', () => clearInterval(timer));
}

describe('a connection is closed in time', { timeout: soonMs }, () => {
  const short = { headersTimeout: 300, requestTimeout: 600, keepAliveTimeout: 300 };

  it.each([
    ['says nothing', ''],
    ['says half a head', half],
    ['sends half a body', slowBody],
  ])('with 408, when its client %s', async (_what, bytes) => {
    const { answer } = begin(await serve(short), bytes);
    expect(await answer).toMatchObject({ status: 408 });
  });

  it.each([
    ['head', half],
    ['body', slowBody],
  ])('with 408, when its client drips an endless %s', async (_what, bytes) => {
    const { socket, answer } = begin(await serve(short), bytes);
    keepDripping(socket);
    expect(await answer).toMatchObject({ status: 408 });
  });

  it('when its client asks for nothing more', async () => {
    const { answer } = begin(await serve(short), whole);
    expect(await answer).toMatchObject({ status: 200 });
  });

  it('when its client does not read what it asked for', async () => {
    const { endless, cut } = answerEndlessly();
    const socket = openSocket(await serve({ unreadTimeout: 300 }, endless));
    socket.write(whole);
    await once(socket, 'readable');
    await expect(cut).resolves.toBeUndefined();
    socket.destroy();
  });

  it('when its client does not close it after an error answer', async () => {
    const url = await serve(short);
    for (const bytes of [
      'nonsense\r\n\r\n',
      `${whole}nonsense\r\n\r\n`,
      'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n',
    ]) {
      const socket = openSocket(url);
      socket.allowHalfOpen = true;
      socket.write(bytes);
      socket.resume();
      await once(socket, 'end');
      await expect.poll(connectionCount, { timeout: soonMs }).toBe(1);
      socket.destroy();
      await once(socket, 'close');
    }
  });

  it('but not while its answer is being made', async () => {
    const { slow, releases } = holdAnswers();
    const url = await serve({ ...short, unreadTimeout: 300 }, slow);
    const { answer } = begin(url, whole);
    await expect.poll(() => releases.length).toBe(1);
    // Other connections outlast all the times above.
    for (let n = 0; n < 2; n += 1) await readAnswer(openSocket(url));
    releases[0]?.();
    expect(await answer).toMatchObject({ status: 200 });
  });
});

describe('with all connections taken', () => {
  const max = 50;

  it.each([
    ['say nothing', ''],
    ['say half a head', half],
    ['wait for nothing after an answer', whole],
  ])('a client that sends a request is answered, when hundreds of others %s', async (_what, bytes) => {
    const url = await serve({ maxConnections: max });
    const others = Array.from({ length: 4 * max }, () => begin(url, bytes));
    onTestFinished(() => others.forEach(({ socket }) => socket.destroy()));
    for (let n = 0; n < 20; n += 1) {
      others.push(begin(url, bytes));
      expect(await sendRaw(url, whole.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))).toMatchObject({
        status: 200,
      });
    }
    await expect.poll(() => others.filter(({ socket }) => !socket.destroyed).length).toBeLessThanOrEqual(max);
  });

  it('a request that is under way is never cut off for a new connection', async () => {
    const { slow, releases } = holdAnswers();
    const url = await serve({ maxConnections: max }, slow);
    const underWay = Array.from({ length: max }, () => begin(url, whole));
    await expect.poll(() => releases.length).toBe(max);
    expect(await sendRaw(url, whole)).toMatchObject({ status: 0 });
    for (const { socket } of underWay) socket.once('data', () => socket.end());
    for (const release of releases) release();
    for (const { answer } of underWay) expect(await answer).toMatchObject({ status: 200 });
  });
});

it('a request that was sent behind another is under way too, when that is answered', async () => {
  const { slow, releases } = holdAnswers();
  const url = await serve({ maxConnections: 2 }, slow);
  const { socket, answer } = begin(url, whole + whole);
  await expect.poll(() => releases.length).toBe(2);
  const first = once(socket, 'data');
  releases[0]?.();
  await first;
  const others = Array.from({ length: 5 }, () => begin(url, half));
  await Promise.all(others.slice(0, 3).map((other) => other.answer));
  const second = once(socket, 'data');
  releases[1]?.();
  await second;
  socket.end();
  expect((await answer).body).toContain('at last');
});

describe('a client that resets its connection', () => {
  it('in the midst of a CONNECT, of an error answer or of a request does no harm', async () => {
    const url = await serve({});
    for (const bytes of ['CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n', 'nonsense\r\n\r\n', slowBody, whole]) {
      for (let n = 0; n < 50; n += 1) {
        const { socket, answer } = begin(url, bytes);
        if (n % 2) await once(socket, 'connect');
        socket.resetAndDestroy();
        await answer;
      }
    }
    expect(await sendRaw(url, whole.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))).toMatchObject({
      status: 200,
    });
  });
});
