import type { z } from '@hono/zod-openapi';
import { maxCustomerId, maxStations, type sentEventSchema } from './event.ts';

/** The most bytes of a batch's body. */
const maxBytes = 256 * 1024;

/** A delivery ends at most this many sequences behind an event that it carries: the most events of a window. */
export const maxWindow = 100;

/** An event as it is sent. */
type SentEvent = z.output<typeof sentEventSchema>;

/**
 * The body of a batch: a compact JSON array, its members in this order.
 * @example formatBatch([event]); // '[{"uuid":"...","action":"create","location":"Kamen Test","stations":1,"customerid":7685}]'
 */
export function formatBatch(events: SentEvent[]): string {
  return JSON.stringify(
    events.map(({ uuid, action, location, stations, customerid }) => ({
      uuid,
      action,
      location,
      stations,
      customerid,
    })),
  );
}

/**
 * SQL for the same text: an aggregate over rows `e` of the log. Null without rows.
 * @param title SQL for the location's title as JSON text, e.g. `to_json(l.title)::text`.
 * @param filter SQL for which of the rows count, e.g. `filter (where e.wanted)`.
 */
export function batchInSql(title: string, filter = ''): string {
  return `'[' || string_agg(
    '{"uuid":"' || e.uuid || '","action":"' || e.action || '","location":' || ${title}
      || ',"stations":' || e.stations || ',"customerid":' || e.customerid || '}',
    ',' order by e.sequence) ${filter} || ']'`;
}

/**
 * SQL for the body of a delivery that is on record, built again from the log: the very same text. Null for a test.
 * @param delivery the table or alias of the delivery's row, e.g. `deliveries`.
 */
export function bodyOfDeliveryInSql(delivery: string): string {
  return `(
    select ${batchInSql(`to_json(${delivery}.title)::text`)}
    from events e
    where e.location_id = ${delivery}.location_id
      and e.sequence between ${delivery}.first_sequence and ${delivery}.last_sequence
      and (${delivery}.actions is null or e.action = any(${delivery}.actions)))`;
}

/** Bytes of an event with the longest numbers and no title at all, and the comma behind it. */
const maxEventBytes =
  formatBatch([
    {
      uuid: '0'.repeat(36),
      action: 'create',
      location: '',
      stations: maxStations,
      customerid: maxCustomerId,
    },
  ]).length - '""'.length;

/**
 * SQL for how many events surely fit into 256 KiB, whatever their numbers: a bound by the location's title instead of a
 * running sum over its events, so that claiming stays one index scan.
 * @param title SQL for the title as JSON text.
 */
export function eventsThatFitInSql(title: string): string {
  return `greatest(1, ${maxBytes - '[]'.length} / (${maxEventBytes} + octet_length(${title})))`;
}
