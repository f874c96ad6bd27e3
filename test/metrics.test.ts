import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { connect, disconnect } from '../src/db/client.ts';
import type { AppEnv } from '../src/http/authorize.ts';
import { createRouter } from '../src/http/router.ts';
import { metricsRoutes } from '../src/outbox/metrics-routes.ts';
import { makeFlow } from './flows/flow.ts';
import type { Api } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import { startDatabaseRelay } from './support/database-relay.ts';
import { type Family, parseExposition, valueOf } from './support/exposition.ts';
import { startReceiver } from './support/receiver.ts';
import { startTestService } from './support/service.ts';
import { running, setStage } from './support/stage.ts';
import { until } from './support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from './support/venue.ts';
import { register } from './webhooks/register.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const readText = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** What a service shows after something of each kind has happened, and what it must not show. */
let text: string;
let families: Map<string, Family>;
const secretish: string[] = [];
beforeAll(async () => {
  const service = await startTestService();
  const receiver = await startReceiver();
  const sql = postgres(service.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await makeTraffic(service.api, service.url, receiver.url, sql);
    text = await until('all outcomes are counted', async () => {
      const shown = await scrape(service.api);
      const seen = parseExposition(shown);
      return (
        ended(seen) >= 3 &&
        valueOf(seen, 'bellhop_events_skipped_total', { reason: 'filtered' }) === 1 &&
        shown
      );
    });
    families = parseExposition(text);
  } finally {
    await service.stop();
    await receiver.stop();
    await sql.end();
  }
});

async function makeTraffic(api: Api, url: string, receiverUrl: string, sql: postgres.Sql): Promise<void> {
  const location = await addLocation(api);
  const good = await addEndpoint(api, location, receiverUrl);
  await addEndpoint(api, location, receiverUrl, { actions: ['delete'] });
  const event = newEvent(location);
  await handOver(api, [event]);
  await handOver(api, [event]);

  const other = await addLocation(api);
  const moved = await addEndpoint(api, other, receiverUrl);
  await sql`update endpoints set url = 'http://10.0.0.1/' where id = ${moved.id}`;
  await handOver(api, newEvents(other, 7));
  const paused = await addEndpoint(api, other, receiverUrl, { enabled: false });
  await sql`select bellhop.emit_session_events(${JSON.stringify([newEvent(other)])}::text::jsonb)`;
  await until('the transaction is in the log', async () => {
    const { body } = await api.get(`/v1/locations/${other}/events?after=0`);
    return body.items.length === 8;
  });
  await api.patch(paused.path, { enabled: true });

  const { status } = await api.post(`/v1/locations/${other}/endpoints`, { url: 'http://10.0.0.1/' });
  expect(status).toBe(422);
  const { trigger } = await register(api, { url: `${receiverUrl}/third-party` });
  await trigger({ data: 'hello' });
  const flow = await makeFlow({ api, url }, { response: { body: 'Hello' } });
  await flow.send({});
  await api.as('nobody').get('/v1/locations');
  await api.get(`/v1/nowhere/${randomUUID()}`);
  secretish.push(location, good.id, other, moved.id, flow.id, event.id, 'third-party', '10.0.0.1');
}

async function scrape(api: Api): Promise<string> {
  const { status, headers, body } = await api.get('/metrics');
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return body;
}

const ended = (seen: Map<string, Family>) =>
  (seen.get('bellhop_deliveries_total')?.samples ?? []).reduce((sum, { value }) => sum + value, 0);

describe('a scrape', () => {
  it.each([
    ['bellhop_events_accepted_total', {}, 9],
    ['bellhop_events_duplicate_total', {}, 1],
    ['bellhop_events_skipped_total', { reason: 'filtered' }, 1],
    ['bellhop_events_skipped_total', { reason: 'paused' }, 1],
    ['bellhop_deliveries_total', { outcome: 'delivered', reason: 'none' }, 1],
    ['bellhop_deliveries_total', { outcome: 'timed_out', reason: 'timeout' }, 0],
    ['bellhop_guard_refusals_total', { place: 'save' }, 1],
    ['bellhop_invocations_total', { outcome: 'answered' }, 1],
    ['bellhop_runs_total', { status: 'succeeded' }, 1],
    ['bellhop_key_refusals_total', { reason: 'unknown' }, 1],
    ['bellhop_http_requests_total', { method: 'POST', route: '/v1/events', status: '2xx' }, 3],
    ['bellhop_http_requests_total', { method: 'GET', route: '/v1/locations', status: '4xx' }, 1],
    ['bellhop_http_requests_total', { method: 'other', route: 'other', status: '4xx' }, 1],
    ['bellhop_delivery_events_bucket', { le: '1' }, 2],
    ['bellhop_database_up', {}, 1],
  ])('tells that %s %j is %d', (name, labels, value) => {
    expect(valueOf(families, name, labels)).toBe(value);
  });

  it('measures what was sent, and counts what the URL policy stopped', () => {
    const blocked = valueOf(families, 'bellhop_deliveries_total', { reason: 'blocked' }) ?? 0;
    expect(blocked).toBeGreaterThan(0);
    expect(valueOf(families, 'bellhop_guard_refusals_total', { place: 'send' })).toBe(blocked);
    for (const histogram of ['duration_seconds', 'wait_seconds', 'events'])
      expect(valueOf(families, `bellhop_delivery_${histogram}_count`)).toBe(ended(families));
    expect(valueOf(families, 'bellhop_delivery_events_sum')).toBe(9);
    expect(valueOf(families, 'bellhop_delivery_wait_seconds_sum')).toBeGreaterThan(0);
  });

  it('names nobody: no location, endpoint, event, path or address', () => {
    expect(secretish.length).toBeGreaterThan(5);
    expect(secretish.filter((secret) => text.includes(secret))).toEqual([]);
  });

  it('is what promtool finds in order', ({ skip }) => {
    if (!hasPromtool) skip('promtool is not installed');
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('bellhop_'));
    expect([ours, status === 0 || status === 3]).toEqual([[], true]);
  });

  it('tells exactly what the page on metrics explains', () => {
    const explained = [
      ...readText('docs/metrics.md').matchAll(/^\| `(bellhop_\w+)` \| (\w+)[^|]*\| ([^|]*)\|/gm),
    ].map(([, name, type, labels = '']) => [
      name,
      type,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).toSorted(),
    ]);
    const shown = [...families]
      .filter(([name]) => name.startsWith('bellhop_'))
      .map(([name, { type, samples }]) => [name, type, labelsOf(samples)]);
    expect(explained.toSorted(byName)).toEqual(shown.toSorted(byName));
    const named = [...readText('docs/metrics.md').matchAll(/`((?:process|nodejs)_\w+)`/g)].map(
      ([, name = '']) => name,
    );
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((name) => !families.has(name))).toEqual([]);
  });
});

function labelsOf(samples: Family['samples']): string[] {
  const labels = samples.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== 'le');
  return [...new Set(labels)].toSorted();
}

const byName = ([a]: unknown[], [b]: unknown[]) => String(a).localeCompare(String(b));

type Panel = {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: { uid: string };
  targets?: { refId: string; expr: string }[];
};
type Rule = { alert: string; expr: string; annotations: Record<string, string> };

const dashboard: {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; type: string }[] };
} = JSON.parse(readText('deploy/grafana/bellhop.json'));
const rules: Rule[] = parse(readText('deploy/prometheus/alerts.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);

describe('the dashboard', () => {
  const charts = dashboard.panels.filter(({ type }) => type !== 'row');

  it('asks for nothing that a scrape does not show', () => {
    const queries = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(20);
    expect(queries.flatMap(unknownIn)).toEqual([]);
  });

  it('has the shape that Grafana imports', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(dashboard.templating.list).toMatchObject([{ name: 'datasource', type: 'datasource' }]);
    for (const { datasource, targets = [] } of charts) {
      expect(datasource?.uid).toBe('${datasource}');
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describe('the alerts', () => {
  it('ask for nothing that a scrape does not show', () => {
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
  });

  it('say what is wrong, and lead to what is to be done', () => {
    for (const { annotations } of rules)
      expect(annotations).toMatchObject({
        summary: expect.stringMatching(/\.$/),
        description: expect.stringMatching(/\.$/),
        runbook_url: expect.stringMatching(/^docs\/operations\.md#[a-z-]+$/),
      });
  });

  it('are what promtool finds in order', ({ skip }) => {
    if (!hasPromtool) skip('promtool is not installed');
    const { status, stderr } = spawnSync('promtool', ['check', 'rules', 'deploy/prometheus/alerts.yml'], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});

/** Metrics, and labels of them with their values, that a query names and no scrape shows. */
function unknownIn(query: string): string[] {
  const selectors = [...query.matchAll(/\b((?:bellhop|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)];
  return selectors.flatMap(([, name = '', matchers = '']) => {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (!family) return [name];
    const wanted = [...matchers.matchAll(/(\w+)(!?=)"([^"]*)"/g)];
    const isShown = ([, label = '', , value]: RegExpExecArray) =>
      // No request has failed on our side here.
      value === '5xx' || family.samples.some(({ labels }) => labels[label] === value);
    return wanted.filter((matcher) => !isShown(matcher)).map(([all]) => `${name} ${all}`);
  });
}

describe('/metrics', () => {
  it('is shown by a process that only dispatches, to the same keys, and by one that only has the API', async () => {
    const { start } = await setStage();
    const service = await start({ ROLE: 'api' });
    const dispatcher = await start({ ROLE: 'dispatcher' });
    const { body } = await service.api.post('/v1/keys', { name: 'Prometheus', scopes: ['metrics:read'] });
    for (const { api } of [service, dispatcher]) {
      expect(parseExposition(await scrape(api.as(body.key))).has('bellhop_backlog_events')).toBe(true);
      expect((await api.as(undefined).get('/metrics')).status).toBe(401);
      expect((await api.as('nobody').get('/metrics')).status).toBe(401);
    }
  });

  it('tells what waits, in outboxes and in the inbox, and for how long', async () => {
    const { start, sql } = await setStage();
    const { api } = await start({ ROLE: 'api' });
    const location = await addVenue(api, 'http://127.0.0.1:9/');
    await addEndpoint(api, location, 'http://127.0.0.1:9/', { enabled: false });
    await handOver(api, newEvents(location, 3));
    await addEndpoint(api, location, 'http://127.0.0.1:9/');
    await sql`update events set accepted_at = now() - interval '1 hour' where sequence = 1`;
    await sql`select bellhop.emit_session_events(${JSON.stringify(newEvents(location, 2))}::text::jsonb)`;
    await sql`update inbox set emitted_at = now() - interval '2 hours'`;
    const seen = parseExposition(await scrape(api));
    expect(valueOf(seen, 'bellhop_backlog_events')).toBe(3);
    expect(valueOf(seen, 'bellhop_inbox_events')).toBe(2);
    expect(Math.floor((valueOf(seen, 'bellhop_backlog_oldest_age_seconds') ?? 0) / 3600)).toBe(1);
    expect(Math.floor((valueOf(seen, 'bellhop_inbox_oldest_age_seconds') ?? 0) / 3600)).toBe(2);
  });

  it('tells that the database does not answer, to a key that was right before', {
    timeout: 90_000,
  }, async () => {
    const { start, databaseUrl } = await setStage();
    const relay = await running(startDatabaseRelay(databaseUrl));
    const { api } = await start({ DATABASE_URL: relay.url });
    const { body } = await api.post('/v1/keys', { name: 'Prometheus', scopes: ['metrics:read'] });
    const prometheus = api.as(body.key);
    await until('the database is seen to be there', async () => {
      return valueOf(parseExposition(await scrape(prometheus)), 'bellhop_database_up') === 1;
    });
    await relay.cut();
    const seen = await until('the database is seen to be away', async () => {
      const shown = parseExposition(await scrape(prometheus));
      return valueOf(shown, 'bellhop_database_up') === 0 && !hasBacklog(shown) && shown;
    });
    expect(valueOf(seen, 'bellhop_database_connections_total', { event: 'lost' })).toBeGreaterThan(0);
    expect((await prometheus.get('/v1/locations')).status).toBe(503);
    expect((await api.as('nobody').get('/metrics')).status).toBe(503);
    await relay.restore();
    await until('it is seen to be back', async () => {
      const shown = parseExposition(await scrape(prometheus));
      return valueOf(shown, 'bellhop_database_up') === 1 && hasBacklog(shown);
    });
  });

  it('asks the database once for many scrapes', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const db = connect(database.url, { max: 10 });
    onTestFinished(() => disconnect(db));
    const query = vi.fn<typeof Reflect.apply>(Reflect.apply);
    const sql = new Proxy(db.$client, { apply: query });
    const spied = new Proxy(db, { get: (_, name) => (name === '$client' ? sql : undefined) });
    const app = createRouter<AppEnv>();
    app.use((c, next) => {
      c.set('key', { id: '', name: '', scopes: ['metrics:read'], locationId: null, allowedIps: null });
      return next();
    });
    app.route('/', metricsRoutes(spied, db));
    const answers = await Promise.all(Array.from({ length: 100 }, async () => app.request('/metrics')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(query).toHaveBeenCalledTimes(1);
  });
});

const hasBacklog = (shown: Map<string, Family>) => valueOf(shown, 'bellhop_backlog_events') !== undefined;
