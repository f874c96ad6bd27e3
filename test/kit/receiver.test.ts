import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { z } from '@hono/zod-openapi';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { loggedEventSchema, sentEventSchema } from '../../src/events/event.ts';
import {
  type Delivery,
  type LoggedEvent,
  receive,
  type SessionEvent,
  VerificationError,
  verify,
} from '../../src/kit/receiver.ts';
import { events, otherSecret, requestOf, secret, signDelivery } from './signed.ts';

it('its types are those of the schemas that the service checks by', () => {
  expectTypeOf<SessionEvent>().toEqualTypeOf<z.output<typeof sentEventSchema>>();
  expectTypeOf<LoggedEvent>().branded.toEqualTypeOf<z.output<typeof loggedEventSchema>>();
});

const delivery: Delivery = {
  id: '01a20523-40cb-706d-b048-683585633a2e',
  locationId: 'kamen-test',
  sequence: { first: 17, last: 19 },
  test: false,
  events,
};

describe('verify reads a delivery', () => {
  const { headers, body } = signDelivery();

  it('from a web request', async () => {
    expect(await verify(requestOf({ headers, body }), secret)).toEqual(delivery);
  });

  it.each([
    ['a text', body],
    ['bytes', Buffer.from(body)],
    [
      'a stream of Node, whatever its pieces',
      Readable.from([...Buffer.from(body)].map((byte) => Buffer.of(byte))),
    ],
    ['a web stream', new Blob([body]).stream()],
  ])('from headers and %s', async (_name, given) => {
    expect(await verify({ headers, body: given }, secret)).toEqual(delivery);
  });

  it('whatever case the names of headers are in, and when a platform has lists of values', async () => {
    const shouted = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
    );
    expect(await verify({ headers: shouted, body }, secret)).toEqual(delivery);
  });

  it('with either secret, or both, while a rotation overlaps', async () => {
    const rotating = signDelivery({ secrets: [secret, otherSecret] });
    for (const known of [secret, otherSecret, [otherSecret], [otherSecret, secret]])
      expect(await verify(rotating, known)).toEqual(delivery);
  });

  it('of a test, and says so', async () => {
    const tried = await verify(signDelivery({ sequence: '0-0' }), secret);
    expect(tried).toMatchObject({ test: true, sequence: { first: 0, last: 0 } });
  });

  it('with members that it does not know yet', async () => {
    const newer = [{ ...events[0], note: 'x' }];
    expect(await verify(signDelivery({ body: JSON.stringify(newer) }), secret)).toMatchObject({
      events: newer,
    });
  });
});

/** Why a request is refused. */
async function reasonOf(request: Parameters<typeof verify>[0]): Promise<unknown> {
  const error: unknown = await verify(request, secret).catch((refusal: unknown) => refusal);
  expect(error).toBeInstanceOf(VerificationError);
  return error instanceof VerificationError && error.reason;
}

describe('verify refuses', () => {
  const signed = signDelivery();
  const { headers, body } = signed;

  it('what somebody else signed, and says why', async () => {
    await expect(verify(signDelivery({ secrets: [otherSecret] }), secret)).rejects.toThrow(
      'The signature does not match: expected one by this secret.',
    );
  });

  it('a header that is missing, came twice or cannot be read', async () => {
    for (const name of Object.keys(headers))
      expect(await reasonOf({ headers: { ...headers, [name]: undefined }, body })).toBe('headers');
    const twice = { ...headers, 'Webhook-Id': headers['webhook-id'] };
    expect(await reasonOf({ headers: twice, body })).toBe('headers');
    for (const sequence of ['17', '17-', '-', 'a-b', '1e3-2'])
      expect(await reasonOf(signDelivery({ sequence }))).toBe('headers');
  });

  it('a body that is signed but not a batch', async () => {
    const [event] = events;
    const others = ['', 'null', '{}', '[]', '[null]', '["x"]', JSON.stringify(event), '[1'];
    const broken = [
      [{ ...event, uuid: 1 }],
      [{ ...event, action: 'move' }],
      [{ ...event, location: null }],
      [{ ...event, stations: '1' }],
      [event, { ...event, customerid: 1.5 }],
    ];
    for (const other of [...others, ...broken.map((batch) => JSON.stringify(batch))])
      expect([other, await reasonOf(signDelivery({ body: other }))]).toEqual([other, 'body']);
  });

  it('a body that does not end, without reading on', async () => {
    let pieces = 0;
    async function* endless() {
      for (;;) {
        pieces += 1;
        yield Buffer.alloc(64 * 1024);
      }
    }
    expect(await reasonOf({ headers, body: endless() })).toBe('size');
    expect(pieces).toBe(17);
  });

  it('many signatures, without a hash for each', async () => {
    const right = headers['webhook-signature'];
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`;
    const sign = vi.spyOn(crypto.subtle, 'verify');
    const many = { ...headers, 'webhook-signature': `${`${wrong} `.repeat(1000)}${right}` };
    expect(await reasonOf({ headers: many, body })).toBe('signature');
    expect(sign.mock.calls.length).toBeLessThan(10);
    sign.mockRestore();
  });

  it('to work with what is no secret, or with a body that was parsed', async () => {
    for (const wrong of ['', 'whsec_', 'whsec_äöü', 'plain', [], [secret, '']])
      await expect(verify(signed, wrong)).rejects.toThrow(TypeError);
    await expect(verify({ headers, body: JSON.parse(body) }, secret)).rejects.toThrow('not what was parsed');
  });
});

describe('receive', () => {
  it('answers 204 before the work begins, and the work gets the events', async () => {
    const log: unknown[] = [];
    const answered = receive(requestOf(signDelivery()), {
      secret,
      onEvents: (batch, { id }) => log.push(batch, id),
      waitUntil: (work) => log.push(work),
    });
    const response = await answered;
    expect(response.status).toBe(204);
    expect(log).toEqual([expect.any(Promise)]);
    await log[0];
    expect(log.slice(1)).toEqual([events, delivery.id]);
  });

  it('has its answer on the wire before the work begins, however busy that is', async () => {
    const log: string[] = [];
    const answer = async ({ method, headers }: IncomingMessage, response: ServerResponse) => {
      const onEvents = () => log.push(response.headersSent ? 'after the answer' : 'before it');
      const { status } = await receive({ method, headers, body: signDelivery().body }, { secret, onEvents });
      // What frameworks do between their handler and the wire.
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      response.writeHead(status).end();
    };
    const server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = z.object({ port: z.number() }).parse(server.address());
    const { headers, body } = signDelivery();
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', headers, body });
    expect(response.status).toBe(204);
    await vi.waitUntil(() => log.length > 0);
    expect(log).toEqual(['after the answer']);
    server.close();
  });

  it('tells what the work failed with, and fails for nobody else', async () => {
    for (const onEvents of [() => Promise.reject(new Error('disk full')), fail]) {
      const onError = vi.fn<(error: unknown, delivery: Delivery) => void>();
      const work: Promise<void>[] = [];
      const waitUntil = (promise: Promise<void>) => void work.push(promise);
      const response = await receive(signDelivery(), { secret, onEvents, onError, waitUntil });
      expect(response.status).toBe(204);
      await Promise.all(work);
      expect(onError.mock.calls).toEqual([[new Error('disk full'), delivery]]);
    }
  });

  it.each([
    ['another signature', signDelivery({ secrets: [otherSecret] }), 401],
    ['an old request', signDelivery({ at: 1_600_000_000 }), 401],
    ['a request without headers', { headers: {}, body: '[]' }, 401],
    ['no batch', signDelivery({ body: '{}' }), 400],
    ['a huge body', { ...signDelivery(), body: 'x'.repeat(2 ** 20 + 1) }, 413],
    ['a GET', requestOf(signDelivery(), 'GET'), 405],
  ])('refuses %s, says why, and does no work', async (_name, request, status) => {
    const onEvents = vi.fn<() => void>();
    const response = await receive(request, { secret, onEvents });
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(/^[A-Z].+\.$/);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(onEvents).not.toHaveBeenCalled();
  });
});

function fail(): never {
  throw new Error('disk full');
}
