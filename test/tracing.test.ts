import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { parseTraceparent, startTracing } from '../src/tracing.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { running, setStage } from './support/stage.ts';
import { until } from './support/until.ts';
import { addVenue, handOver, newEvent, newEvents } from './support/venue.ts';

/** A span as OTLP has it in JSON. */
type Span = {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  links?: { traceId: string; spanId: string }[];
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code?: number };
};

// First, for what has been loaded once stays.
describe('without a collector', () => {
  it('nothing of the SDK is loaded, and nothing is written', async () => {
    const { start, sql } = await setStage();
    const service = await start();
    const receiver = await running(startReceiver());
    await handOver(service.api, newEvent(await addVenue(service.api, receiver.url)));
    await receiver.received(1);
    expect(loadedSdk()).toEqual([]);
    expect(await sql`select from intake_spans`).toHaveLength(0);
  });
});

describe('with a collector', { timeout: 90_000 }, () => {
  it('the POST is linked to the requests that handed its events over, in another process', async () => {
    const collector = await startCollector();
    const { spawn } = await setStage();
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'bellhop-test' };
    const { api } = await spawn({ ROLE: 'api', ...traced });
    await spawn({ ROLE: 'dispatcher', ...traced });
    const receiver = await running(startReceiver());
    const locationId = await addVenue(api, `${receiver.url}/hooks/in-path?token=in-query`);
    const held: ServerResponse[] = [];
    receiver.answerWith((_request, response) => held.push(response));

    await handOverWithin('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', newEvents(locationId, 3));
    await receiver.received(1);
    await handOver(api, newEvent(locationId));
    await handOver(api, newEvents(locationId, 2));
    receiver.answerWith((_request, response) => response.writeHead(500).end());
    held[0]?.writeHead(204).end();
    for (const { headers } of await receiver.received(2)) expect(headers).not.toHaveProperty('traceparent');

    const spans = await collector.collected(7);
    const [within, ...others] = spans.filter(({ name }) => name === 'POST /v1/events');
    expect(within).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: 'b7ad6b7169203331',
      kind: 2,
    });
    const claims = spans.filter(({ name }) => name === 'claim');
    const posts = spans.filter(({ name }) => name === 'POST');
    expect([others, claims, posts].map(({ length }) => length)).toEqual([2, 2, 2]);
    expect(posts.map(linksOf)).toEqual([idsOf([within]), idsOf(others)]);
    expect(claims.map(linksOf)).toEqual([idsOf([within]), idsOf(others)]);
    expect(posts.map(({ parentSpanId }) => parentSpanId)).toEqual(claims.map(({ spanId }) => spanId));
    expect(posts.map(attributesOf)).toEqual([
      expect.objectContaining({ 'server.address': '127.0.0.1', 'http.response.status_code': 204 }),
      expect.objectContaining({ 'error.type': '500', 'http.response.status_code': 500 }),
    ]);
    expect(posts.map(({ status }) => status.code)).toEqual([0, 2]);
    const sent = collector.receiver.requests.map(({ body }) => body).join('\n');
    expect(sent).toContain('bellhop-test');
    expect(sent).not.toMatch(/in-path|in-query/);

    async function handOverWithin(traceparent: string, events: object[]): Promise<void> {
      const headers = { authorization: `Bearer ${api.key}`, 'content-type': 'application/json', traceparent };
      const body = JSON.stringify(events);
      const response = await fetch(`${api.url}/v1/events`, { method: 'POST', headers, body });
      expect(response.status).toBe(202);
    }
  });

  it('no span is made of requests that are not to be recorded, and their events are sent', async () => {
    const collector = await startCollector();
    const { start, sql } = await setStage();
    const service = await start({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/own/path`,
      OTEL_TRACES_SAMPLER_ARG: '0',
    });
    const receiver = await running(startReceiver());
    await handOver(service.api, newEvent(await addVenue(service.api, receiver.url)));
    await receiver.received(1);
    await service.stop();
    expect(await sql`select from intake_spans`).toHaveLength(0);
    expect(collector.receiver.requests).toEqual([]);
  });

  it('one that cannot be reached, or never answers, disturbs nothing', async () => {
    const silent = await running(startReceiver());
    silent.answerWith(() => {});
    const { start } = await setStage();
    for (const url of ['http://127.0.0.1:1', silent.url]) {
      const service = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
      const receiver = await running(startReceiver());
      const locationId = await addVenue(service.api, receiver.url);
      for (let request = 0; request < 20; request += 1)
        await handOver(service.api, newEvents(locationId, 10));
      const sent = await until('all events have come', async () => {
        const events = receiver.requests.flatMap(({ body }): unknown[] => JSON.parse(body));
        return events.length >= 200 && events;
      });
      expect(sent).toHaveLength(200);
      await service.stop();
    }
    expect(loadedSdk()).not.toEqual([]);
  });

  it('a bounded number of spans waits for it', async () => {
    const collector = await startCollector();
    const tracing = await startTracing({
      collectorUrl: collector.url,
      tracesUrl: undefined,
      serviceName: 'bellhop',
      ratio: 1,
    });
    for (let n = 0; n < 10_000; n += 1) tracing?.tracer.startSpan('span').end();
    await tracing?.stop();
    expect(collector.spans().length).toBeGreaterThan(0);
    expect(collector.spans().length).toBeLessThanOrEqual(2048 + 512);
  });
});

it.each([
  [undefined],
  [''],
  ['00-00000000000000000000000000000000-b7ad6b7169203331-01'],
  ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01'],
  ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01'],
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more'],
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n'],
])('%j is no traceparent', (text) => {
  expect(parseTraceparent(text)).toBeNull();
});

async function startCollector() {
  const receiver = await running(startReceiver());
  receiver.answerWith((_request, response) => response.writeHead(200).end('{}'));
  const spans = () => receiver.requests.flatMap(spansOf);
  return {
    receiver,
    url: receiver.url,
    spans,
    collected: (count: number) =>
      until(`${count} spans have come`, async () => spans().length >= count && spans().toSorted(byTime)),
  };
}

function spansOf({ body }: Receiver['requests'][number]): (Span & { startTimeUnixNano: string })[] {
  return JSON.parse(body).resourceSpans.flatMap(({ scopeSpans }: { scopeSpans: { spans: Span[] }[] }) =>
    scopeSpans.flatMap((scope) => scope.spans),
  );
}

function byTime(a: { startTimeUnixNano: string }, b: { startTimeUnixNano: string }): number {
  return Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano));
}

function linksOf({ links = [] }: Span): string[] {
  return links.map(({ traceId, spanId }) => `${traceId} ${spanId}`);
}

function idsOf(spans: (Span | undefined)[]): string[] {
  return spans.map((span) => `${span?.traceId} ${span?.spanId}`);
}

function attributesOf({ attributes }: Span): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** The files of the SDK that this process has loaded, from anywhere. */
function loadedSdk(): string[] {
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  return loaded.filter((file) => /@opentelemetry\/(sdk|exporter|otlp|resources|core)/.test(file));
}
