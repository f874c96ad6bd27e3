import { z } from 'zod';
import { clean, type Output } from '../output.ts';
import { align } from '../table.ts';
import type { Arrived, Verdict } from './listener.ts';

/** Shows a request that came in: when, from where, what it holds, and whether it can be trusted. */
export function showBatch(output: Output, arrived: Arrived): void {
  const { at, headers, status, verdict, body } = arrived;
  const header = (name: string) => headers[name]?.join(', ') ?? null;
  const facts = {
    type: 'delivery',
    at: at.toISOString(),
    id: header('webhook-id'),
    location: header('bellhop-location'),
    sequence: header('bellhop-sequence'),
    answered: status,
    signature: verdict.kind,
    ...(verdict.kind === 'invalid' && { problem: verdict.message }),
    ...(verdict.kind === 'valid' && describeArrival(verdict)),
    events: readEvents(body),
  };
  output.showNext(facts, () =>
    [
      [
        output.paint('dim', facts.at),
        output.paint('bold', clean(facts.location ?? '(no location)')),
        clean(facts.sequence ?? ''),
        toWords(output, verdict),
        output.paint('dim', `answered ${status}`),
      ].join('  '),
      ...showEvents(facts.events),
    ].join('\n'),
  );
}

/** Of a request that may be anybody's: only what the batches of Bellhop have. */
const eventsSchema = z.array(
  z.object({
    uuid: z.string(),
    action: z.string(),
    location: z.string(),
    stations: z.number(),
    customerid: z.number(),
  }),
);

/** null when the body is no batch. */
function readEvents(body: Buffer): z.output<typeof eventsSchema> | null {
  try {
    return eventsSchema.parse(JSON.parse(body.toString()));
  } catch {
    return null;
  }
}

function showEvents(events: ReturnType<typeof readEvents>): string[] {
  if (!events?.length) return [];
  const rows = events.map(({ uuid, action, location, stations, customerid }) => [
    `  ${action}`,
    uuid,
    location,
    `${stations} ${stations === 1 ? 'station' : 'stations'}`,
    `customer ${customerid}`,
  ]);
  return [align(rows)];
}

type Valid = Extract<Verdict, { kind: 'valid' }>;

function describeArrival({ arrival }: Valid) {
  if (arrival.kind !== 'new') return { arrival: arrival.kind };
  return { arrival: arrival.kind, gap: arrival.gap };
}

function toWords(output: Output, verdict: Verdict): string {
  if (verdict.kind === 'unchecked') return output.paint('yellow', 'signature not checked');
  if (verdict.kind === 'invalid') return output.paint('red', `✗ ${clean(verdict.message)}`);
  const { arrival } = verdict;
  const valid = output.paint('green', '✓ signature valid');
  if (arrival.kind === 'test') return `${valid}  ${output.paint('cyan', 'a test')}`;
  if (arrival.kind === 'duplicate') return `${valid}  ${output.paint('yellow', 'seen before: a duplicate')}`;
  if (!arrival.gap) return valid;
  const { first, last } = arrival.gap;
  const range = first === last ? `${first}` : `${first} to ${last}`;
  return `${valid}  ${output.paint('yellow', `a gap: ${range} did not come (filtered, skipped or lost)`)}`;
}
