import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { removeOldNotices } from '../../src/notices/raise.ts';
import { abandonNotices, sendNotices } from '../../src/notices/send.ts';
import { tellNotices } from '../../src/notices/tell.ts';
import { resolvesTo, sender } from '../delivery/sending.ts';
import { startReceiver } from '../support/receiver.ts';
import { connectTo, running } from '../support/stage.ts';
import { makeFailingVenue } from './failing.ts';

// Processes of their own, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

const secret = `whsec_${randomBytes(32).toString('base64')}`;

/** A venue whose endpoint has failed three times, and a receiver of the operator. */
async function makeNews() {
  const venue = await makeFailingVenue();
  const operator = await running(startReceiver());
  for (const _ of [1, 2, 3]) await venue.send(500);
  const sentOf = async () => (await venue.api.get('/v1/notices')).body.items[0]?.sent;
  return { ...venue, operator, to: { url: `${operator.url}/notices?token=1`, secret }, sentOf };
}

test('the operator gets what is raised, signed, once, and the API tells how it went', async () => {
  const { db, api, operator, to, sentOf, pass, send } = await makeNews();
  expect(await tellNotices(db, sender(), to)).toBeGreaterThan(0);
  const [request] = await operator.received(1);
  const [{ id, sent: _sent, ...message }] = (await api.get('/v1/notices')).body.items;
  expect(request).toMatchObject({ method: 'POST', url: '/notices?token=1' });
  expect(request?.headers).toMatchObject({ 'webhook-id': id, 'content-type': 'application/json' });
  expect(new Webhook(secret).verify(request?.body ?? '', { ...textsOf(request?.headers) })).toEqual(message);
  expect(await sentOf()).toMatchObject({ outcome: 'delivered', reason: null, statusCode: 204 });
  await pass('1 hour');
  await send(204);
  await tellNotices(db, sender(), to);
  expect(await tellNotices(db, sender(), to)).toBe(0);
  expect(operator.requests.map(({ body }) => JSON.parse(body).type)).toEqual([
    'endpoint.failing',
    'endpoint.recovered',
  ]);
});

test('several processes at once send a notice once', async () => {
  const { operator, to, ...venue } = await makeNews();
  const processes = await Promise.all([1, 2, 3].map(() => connectTo(venue, { max: 4 })));
  await Promise.all([...processes, ...processes].map((db) => tellNotices(db, sender(), to)));
  expect(operator.requests).toHaveLength(1);
});

test('a kill between raising and the answer leaves it abandoned, and it is never sent again', async () => {
  const { operator, to, db, sentOf, spawn, sql } = await makeNews();
  operator.answerWith(() => {});
  const killed = await spawn({ OPERATOR_WEBHOOK_URL: to.url, OPERATOR_WEBHOOK_SECRET: secret });
  await operator.received(1);
  await killed.end('SIGKILL');
  expect(await sentOf()).toMatchObject({ outcome: 'sending' });
  await sql`update notices set started_at = started_at - interval '61 seconds'`;
  expect(await tellNotices(db, sender(), to)).toBe(1);
  expect(await sentOf()).toMatchObject({ outcome: 'abandoned', reason: 'crashed' });
  expect(operator.requests).toHaveLength(1);
});

test('one that is still being sent is not abandoned, and its outcome stays as it was first', async () => {
  const { operator, to, db, sentOf, sql } = await makeNews();
  const answers: (() => unknown)[] = [];
  operator.answerWith((_request, response) => answers.push(() => response.writeHead(204).end()));
  const telling = tellNotices(db, sender(), to);
  await operator.received(1);
  expect(await abandonNotices(db)).toBe(0);
  await sql`update notices set started_at = started_at - interval '61 seconds'`;
  expect(await abandonNotices(db)).toBe(1);
  for (const answer of answers) answer();
  await telling;
  expect(await sentOf()).toMatchObject({ outcome: 'abandoned', reason: 'crashed' });
});

test('an operator that cannot be reached, refuses, or is where nothing may be sent to, is on record and not asked again', async () => {
  const { operator, to, db, sentOf, sql } = await makeNews();
  const anew = () => sql`update notices set outcome = null`;
  operator.answerWith((_request, response) => response.writeHead(500).end());
  await tellNotices(db, sender(), to);
  expect(await sentOf()).toMatchObject({ outcome: 'failed', reason: 'http_status', statusCode: 500 });
  expect(await tellNotices(db, sender(), to)).toBe(0);
  expect(operator.requests).toHaveLength(1);

  await anew();
  await operator.stop();
  await sendNotices(db, sender(), to);
  expect(await sentOf()).toMatchObject({ outcome: 'failed', reason: 'connect' });

  await anew();
  const guarded = sender({ allow: [], resolve: resolvesTo('10.0.0.1') });
  await sendNotices(db, guarded, { url: 'https://ops.example.com/', secret });
  expect(await sentOf()).toMatchObject({ outcome: 'failed', reason: 'blocked' });
});

test('what is older than an hour is news no more: who configures an operator later gets no flood', async () => {
  const { operator, to, db, pass, sentOf } = await makeNews();
  await tellNotices(db, sender(), null);
  expect(await sentOf()).toBe(null);
  await pass('61 minutes');
  expect(await tellNotices(db, sender(), to)).toBe(0);
  expect([operator.requests, await sentOf()]).toEqual([[], null]);
  expect(await removeOldNotices(db, 30)).toBe(0);
});

function textsOf(headers: object | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}
