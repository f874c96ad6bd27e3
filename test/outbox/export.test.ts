import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { withSql } from '../db/dump.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvents } from '../support/venue.ts';

const header =
  'id,endpointId,url,outcome,reason,statusCode,durationMs,events,firstSequence,lastSequence,startedAt,endedAt,resendOf,test';

let service: TestService;
let receiver: Receiver;
let location: string;
let log: string;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  location = await addLocation(service.api);
  log = `/v1/locations/${location}/deliveries`;
});

it('the export is the log as a CSV file', async () => {
  await addEndpoint(service.api, location, `${receiver.url}/a,b"c`);
  await handOver(service.api, newEvents(location, 3));
  const delivery = await until('the delivery has ended', async () => {
    const { body } = await service.api.get(log);
    return body.items[0]?.endedAt && body.items[0];
  });
  const { status, headers, body } = await service.api.get(`${log}/export`);
  expect([status, headers.get('content-type'), headers.get('content-disposition')]).toEqual([
    200,
    'text/csv; charset=utf-8',
    `attachment; filename="deliveries-${location}.csv"`,
  ]);
  const { id, endpointId, durationMs, startedAt, endedAt } = delivery;
  expect(body).toBe(
    `${header}\r\n${id},${endpointId},"${receiver.url}/a,b%22c",delivered,,204,${durationMs},3,1,3,${startedAt},${endedAt},,false\r\n`,
  );
});

it('the export of nothing is the header', async () => {
  expect((await service.api.get(`${log}/export`)).body).toBe(`${header}\r\n`);
});

it('the export takes the filters of the list, and refuses what it refuses', async () => {
  await insert(3, 'x', 'failed');
  await insert(2, 'y', 'delivered');
  const find = async (query: string) => rowsOf((await service.api.get(`${log}/export?${query}`)).body);
  expect(await find('outcome=failed')).toHaveLength(3);
  expect(await find('outcome=delivered')).toHaveLength(2);
  expect(await find('to=2020-01-01T00:00:00Z')).toHaveLength(0);
  const { status, body } = await service.api.get(`${log}/export?outcome=lost`);
  expect([status, body.errors[0].path]).toEqual([422, 'outcome']);
});

it('a long export holds every delivery once, newest first', async () => {
  await insert(2500, 'x', 'delivered');
  const ids = rowsOf((await service.api.get(`${log}/export`)).body).map((row) => row.split(',')[0]);
  expect(ids).toHaveLength(2500);
  expect(ids).toEqual([...new Set(ids)].toSorted((a = '', b = '') => (a < b ? 1 : -1)));
});

it('a reader that does not read keeps the rest of a long export in the database', async () => {
  await insert(60_000, 'x'.repeat(2000), 'delivered');
  const response = await fetch(`${service.url}${log}/export`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  // It fills the buffers of the connection, then it stands still: what is deleted meanwhile never comes.
  await withSql(service.databaseUrl, (sql) => sql`delete from deliveries where location_id = ${location}`);
  let bytes = 0;
  for (;;) {
    const piece = await reader?.read();
    if (!piece?.value) break;
    bytes += piece.value.length;
  }
  expect(bytes).toBeLessThan(60_000 * 2000);
});

it.each(['=1+1', '+1', '-1', '@x', '\tx', '\rx', '="a",b'])(
  'a cell that begins like %j is no formula',
  async (url) => {
    await insert(1, url, 'delivered');
    const [row] = rowsOf((await service.api.get(`${log}/export`)).body);
    const [cell] = /(?<=^[^,]*,[^,]*,)("(?:[^"]|"")*"|[^,]*)/.exec(row ?? '') ?? [];
    const plain = cell?.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    expect(plain).toBe(`'${url}`);
  },
);

const rowsOf = (csv: string) => csv.split('\r\n').slice(1, -1);

/** Deliveries that have ended, of a URL that need not be one. */
async function insert(count: number, url: string, outcome: string): Promise<void> {
  await withSql(
    service.databaseUrl,
    (sql) => sql`
      insert into deliveries
        (location_id, id, endpoint_id, first_sequence, last_sequence, events, title, url, outcome, started_at, ended_at)
      select ${location}, gen_random_uuid(), gen_random_uuid(), 1, 1, 1, 'x', ${url}, ${outcome}, now(), now()
      from generate_series(1, ${count})`,
  );
}
