import type postgres from 'postgres';
import { byPath } from '../support/arrivals.ts';
import { createLedger, type Ledger } from '../support/ledger.ts';
import type { ReceivedRequest } from '../support/receiver.ts';
import type { Handed } from './load.ts';

/** What is known at the end. `outcomes` are those that were seen while it ran, by delivery. */
type Seen = {
  sql: postgres.Sql;
  handed: Handed[];
  requests: ReceivedRequest[][];
  outcomes: Map<string, string>;
  /** Events that waited before it began. */
  backlog: number;
  fail: (violation: string) => void;
};

/** Compares what receivers got with what the database says, and both with what was answered. */
export async function checkPromises({ sql, handed, requests, outcomes, backlog, fail }: Seen): Promise<void> {
  const ledger = createLedger(sql);
  for (const row of await ledger.gaps()) fail(`A log has a gap: ${JSON.stringify(row)}`);
  for (const row of await ledger.unaccounted()) fail(`An event is not accounted for: ${JSON.stringify(row)}`);
  await checkAnswers(sql, handed, backlog, fail);
  await checkDeliveries(ledger, requests.flat(), outcomes, fail);
  for (const received of requests) checkLanes(received, await findOrdinary(ledger), fail);
}

/** What was answered is stored as it was answered; what was not is stored whole, or not at all; and nothing else is. */
async function checkAnswers(
  sql: postgres.Sql,
  handed: Handed[],
  backlog: number,
  fail: Seen['fail'],
): Promise<void> {
  const rows = await sql<{ id: string; sequence: number }[]>`select id, sequence::int from events`;
  const stored = new Map(rows.map(({ id, sequence }) => [id, sequence]));
  let known = 0;
  for (const { events, answer } of handed) {
    const sequences = events.map(({ id }) => stored.get(id));
    const count = sequences.filter((sequence) => sequence !== undefined).length;
    known += count;
    if (count !== 0 && count !== events.length)
      fail(`Of ${events.length} events of a request ${count} are stored.`);
    for (const [index, accepted] of (answer ?? []).entries())
      if (accepted.sequence !== sequences[index])
        fail(`Event ${accepted.id} was answered as ${accepted.sequence} and stored as ${sequences[index]}.`);
  }
  // Nothing but what was handed over, and a backlog that is the same at each location.
  if (backlog === 0 && known !== stored.size)
    fail(`${stored.size} events are stored, ${known} of which were handed over.`);
}

async function checkDeliveries(
  ledger: Ledger,
  received: ReceivedRequest[],
  outcomes: Map<string, string>,
  fail: Seen['fail'],
): Promise<void> {
  const deliveries = new Map((await ledger.deliveries()).map((delivery) => [delivery.id, delivery]));
  const got = new Set<string>();
  for (const id of received.map(idOf)) {
    if (got.has(id)) fail(`Delivery ${id} was received again.`);
    if (!deliveries.has(id)) fail(`Delivery ${id} was received and is not on record.`);
    got.add(id);
  }
  for (const { id, outcome } of deliveries.values()) {
    if (outcome === 'delivered' && !got.has(id)) fail(`Delivery ${id} is delivered, and nobody got it.`);
    const before = outcomes.get(id);
    if (before !== undefined && before !== outcome) fail(`Delivery ${id} was ${before}, and is ${outcome}.`);
  }
}

/** The deliveries that are neither a resend nor a test. */
async function findOrdinary(ledger: Ledger): Promise<Set<string>> {
  const all = await ledger.deliveries();
  return new Set(
    all.filter(({ resendOf, lastSequence }) => !resendOf && lastSequence > 0).map(({ id }) => id),
  );
}

/** Each endpoint gets each event at most once, and all in order of their sequences. */
function checkLanes(received: ReceivedRequest[], ordinary: Set<string>, fail: Seen['fail']): void {
  for (const requests of byPath(received.filter((request) => ordinary.has(idOf(request))))) {
    const lane = requests[0]?.url;
    const uuids = requests.flatMap((request) =>
      JSON.parse(request.body).map(({ uuid }: { uuid: string }) => uuid),
    );
    if (new Set(uuids).size < uuids.length) fail(`${lane} got an event twice.`);
    let last = 0;
    for (const { headers } of requests) {
      const [first = 0, through = 0] = String(headers['bellhop-sequence']).split('-').map(Number);
      if (first <= last) fail(`${lane} got ${first}-${through} after ${last}.`);
      last = through;
    }
  }
}

function idOf({ headers }: ReceivedRequest): string {
  return String(headers['webhook-id']);
}
