import type { z } from 'zod';
import type { Delivery, fullDeliverySchema } from './answers.ts';
import { clean, type Color, type Output } from './output.ts';
import { align, type Cell, table } from './table.ts';

const outcomeColors: Record<string, Color> = {
  delivered: 'green',
  sending: 'cyan',
  failed: 'red',
  timed_out: 'red',
  abandoned: 'yellow',
};

/** Deliveries as an aligned table. Those of a stream come one by one: their columns have a fixed width, and no heads. */
export function tableOfDeliveries(output: Output, deliveries: Delivery[], { isStream = false } = {}): string {
  const rows = deliveries.map((delivery) => toRow(output, delivery));
  if (isStream)
    return align([...rows, widest])
      .split('\n')
      .slice(0, -1)
      .join('\n');
  const heads = ['BEGAN', 'OUTCOME', 'REASON', 'TOOK', 'EVENTS', 'SEQUENCE', 'ENDPOINT', 'DELIVERY'];
  return table(
    heads.map((text) => ({ text, paint: (head) => output.paint('dim', head) })),
    rows,
  );
}

/** What columns are made wide enough for, where later rows are not known yet. */
const widest = [
  '2026-11-22T20:28:00.000Z',
  'delivered',
  'http_status 500',
  '2000 ms',
  '100',
  '1000000-1000000',
  '01a20523-40cb-706d-b048-683585633a2e',
  '',
];

function toRow(output: Output, delivery: Delivery): Cell[] {
  const { startedAt, durationMs, events, firstSequence, lastSequence, test } = delivery;
  return [
    startedAt ?? '-',
    outcomeCell(output, delivery.outcome),
    describeReason(delivery),
    durationMs === null ? '-' : `${durationMs} ms`,
    String(events),
    test ? 'test' : `${firstSequence}-${lastSequence}`,
    delivery.endpointId,
    delivery.id,
  ];
}

function outcomeCell(output: Output, outcome: string): Cell {
  return { text: outcome, paint: (text) => output.paint(outcomeColors[outcome] ?? 'bold', text) };
}

function describeReason({ reason, statusCode }: Delivery): string {
  return [reason, statusCode].filter((part) => part !== null).join(' ') || '-';
}

/** How one delivery went, in a line. */
export function describeDelivery(output: Output, delivery: Delivery): string {
  const { id, outcome, durationMs } = delivery;
  const took = durationMs === null ? '' : ` in ${durationMs} ms`;
  const painted = output.paint(outcomeColors[outcome] ?? 'bold', clean(outcome));
  return `${painted} (${clean(describeReason(delivery))})${took}: delivery ${clean(id)}`;
}

/** A delivery in full. */
export function showDelivery(output: Output, delivery: z.output<typeof fullDeliverySchema>): string {
  const { url, requestHeaders, body, timings } = delivery;
  const facts: Cell[][] = [
    ['delivery', delivery.id],
    ['endpoint', delivery.endpointId],
    ['url', url],
    ['outcome', outcomeCell(output, delivery.outcome)],
    ['reason', describeReason(delivery)],
    ['sequence', delivery.test ? 'test' : `${delivery.firstSequence}-${delivery.lastSequence}`],
    ['events', String(delivery.events)],
    ['began', delivery.startedAt ?? '-'],
    ['ended', delivery.endedAt ?? '-'],
    ...(delivery.resendOf ? [['resend of', delivery.resendOf]] : []),
    ...Object.entries(timings).map(([name, value]) => [name, String(value ?? '-')]),
  ];
  return [
    align(facts),
    '',
    output.paint('bold', 'Request'),
    requestHeaders
      ? align(Object.entries(requestHeaders).map(([name, value]) => [`${name}:`, value]))
      : '(not known yet)',
    '',
    body === null ? '(its events have left the log)' : clean(body),
  ].join('\n');
}
