import { ROOT_CONTEXT, type Span, type SpanContext, SpanKind, trace, type Tracer } from '@opentelemetry/api';
import type { Database } from '../db/client.ts';
import { gather } from '../db/gather.ts';
import { logger } from '../logger.ts';
import { formatTraceparent, parseTraceparent } from '../tracing.ts';
import type { NewEvent } from './event.ts';
import type { Acceptance } from './log.ts';

/** Accepts the events of a request; `traceparent` is what it said about the trace that it belongs to. */
export type Accept = (events: NewEvent[], traceparent?: string) => Promise<Acceptance>;

/**
 * Accepts each request within a span, and puts that on record beside its events: it is linked to whoever sends them, in
 * whatever process. Only where spans are wanted: without them the log is as it is, and so are the statements.
 */
export function traceIntake(accept: Accept, db: Database, tracer: Tracer): Accept {
  const record = gather((spans: IntakeSpan[][]) => insertAll(db, spans), {
    maxFlush: 1000,
    maxWaiting: 10_000,
  });
  return async (events, traceparent) => {
    const parent = parseTraceparent(traceparent);
    const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
    const span = tracer.startSpan('POST /v1/events', intake(events.length), context);
    try {
      const acceptance = await accept(events);
      if (span.isRecording()) await recordOrLog(record, toIntakeSpans(acceptance, span));
      return acceptance;
    } finally {
      span.end();
    }
  };
}

const intake = (events: number) => ({
  kind: SpanKind.SERVER,
  attributes: { 'http.request.method': 'POST', 'http.route': '/v1/events', 'bellhop.events': events },
});

/** A run of events of one location that a request handed over, and the span of that. */
type IntakeSpan = { locationId: string; firstSequence: number; lastSequence: number; traceparent: string };

/** The new events of a request have sequences in a row, for they are stored by one statement in the order they came in. */
function toIntakeSpans({ events }: Acceptance, span: Span): IntakeSpan[] {
  const traceparent = formatTraceparent(span.spanContext());
  const spans = new Map<string, IntakeSpan>();
  for (const { locationId, sequence, duplicate } of events) {
    if (duplicate) continue;
    const { firstSequence } = spans.get(locationId) ?? { firstSequence: sequence };
    spans.set(locationId, { locationId, firstSequence, lastSequence: sequence, traceparent });
  }
  return [...spans.values()];
}

/** A link that is lost harms nobody: the events are stored. */
async function recordOrLog(
  record: (spans: IntakeSpan[]) => Promise<true>,
  spans: IntakeSpan[],
): Promise<void> {
  try {
    if (spans.length > 0) await record(spans);
  } catch (error) {
    logger.warn({ err: error }, 'intake span not put on record');
  }
}

async function insertAll({ $client: sql }: Database, requests: IntakeSpan[][]): Promise<true[]> {
  await sql`
    insert into intake_spans (location_id, first_sequence, last_sequence, traceparent)
    select "locationId", "firstSequence", "lastSequence", traceparent
    from json_to_recordset(${JSON.stringify(requests.flat())}::text::json) as x(
      "locationId" text, "firstSequence" bigint, "lastSequence" bigint, traceparent text)
    on conflict do nothing`;
  return requests.map(() => true);
}

/** The most events of a request: no run of events is longer. The most links of a span. */
const longestRun = 1000;
const maxLinks = 100;

/** The intake spans of the events of each of these ranges, in their order. */
export async function findIntakeSpans(
  { $client: sql }: Database,
  ranges: Omit<IntakeSpan, 'traceparent'>[],
): Promise<SpanContext[][]> {
  const rows = await sql<{ n: number; traceparent: string }[]>`
    select r.n, s.traceparent
    from json_to_recordset(${JSON.stringify(ranges.map((range, n) => ({ ...range, n })))}::text::json) as r(
      n int, "locationId" text, "firstSequence" bigint, "lastSequence" bigint)
    cross join lateral (
      select traceparent
      from intake_spans
      where location_id = r."locationId" and first_sequence <= r."lastSequence"
        and last_sequence between r."firstSequence" and r."lastSequence" + ${longestRun}
      order by last_sequence
      limit ${maxLinks}
    ) s`;
  const spans = ranges.map((): SpanContext[] => []);
  for (const { n, traceparent } of rows) {
    const context = parseTraceparent(traceparent);
    if (context) spans[n]?.push(context);
  }
  return spans;
}

/** Rows in one statement, so that it holds up nobody. */
const maxRemoved = 5000;

/** Removes the spans of events that are too old to be sent, a bounded step. @returns how many. */
export async function removeOldIntakeSpans({ $client: sql }: Database, maxAgeHours: number): Promise<number> {
  const removed = await sql`
    delete from intake_spans
    where ctid = any(array(
      select ctid
      from intake_spans
      where created_at < now() - make_interval(hours => ${maxAgeHours})
      limit ${maxRemoved}))`;
  return removed.count;
}
