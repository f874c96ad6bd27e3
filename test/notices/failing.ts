import type { Database } from '../../src/db/client.ts';
import { raiseNotices } from '../../src/notices/raise.ts';
import type { Api } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { connectTo, running, setStage, type Stage } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

/** A venue with one endpoint, whose receiver answers what a test wants, and the database that the chores of the test use. */
export type FailingVenue = Stage & {
  api: Api;
  db: Database;
  locationId: string;
  path: string;
  endpoint: { id: string; path: string };
  receiver: Receiver;
  /** Sends one event that is answered with this status code, and waits until its outcome is on record. */
  send: (statusCode: number) => Promise<void>;
  /** Lets this much time pass, after what happened so far. @param interval as PostgreSQL writes it: `'25 hours'`. */
  pass: (interval: string) => Promise<unknown>;
  /** Raises what is due, and tells the steps that were raised so far, oldest first. */
  raise: () => Promise<string[]>;
};

/** @example const { send, raise } = await makeFailingVenue(); */
export async function makeFailingVenue(): Promise<FailingVenue> {
  const stage = await setStage();
  const { sql, ledger } = stage;
  const { api } = await stage.start();
  const receiver = await running(startReceiver());
  const locationId = await addLocation(api);
  const endpoint = await addEndpoint(api, locationId, `${receiver.url}/secret-path?secret=query`, {
    description: 'The till',
  });
  const db = await connectTo(stage, { max: 4 });
  let sent = 0;
  return {
    ...stage,
    api,
    db,
    locationId,
    path: `/v1/locations/${locationId}`,
    endpoint,
    receiver,
    async send(statusCode) {
      receiver.answerWith((_request, response) => response.writeHead(statusCode).end());
      await handOver(api, newEvent(locationId));
      sent += 1;
      await ledger.ended(locationId, sent);
    },
    pass: (interval) =>
      sql.begin(async (tx) => {
        await tx`
          update endpoints
          set failing_since = failing_since - ${interval}::interval, last_failed_at = last_failed_at - ${interval}::interval,
            last_delivered_at = last_delivered_at - ${interval}::interval`;
        await tx`
          update notices
          set failing_since = failing_since - ${interval}::interval, created_at = created_at - ${interval}::interval`;
      }),
    async raise() {
      await raiseNotices(db);
      const rows = await sql<{ step: string }[]>`select step from notices order by created_at, id`;
      return rows.map(({ step }) => step);
    },
  };
}
