import type { Encryption } from '../db/encryption.ts';
import { ownerOf } from '../db/sealed.ts';
import { sign } from '../delivery/signature.ts';
import { formatBatch } from '../events/batch.ts';
import { mask } from '../http/custom-headers.ts';
import { version } from '../version.ts';
import type { ClaimedDelivery } from './claim.ts';

/** The POST of a delivery. `recordedHeaders` are those that do not follow from its row, as people may read them later: custom values are masked. */
export type DeliveryRequest = {
  body: string;
  headers: Record<string, string>;
  recordedHeaders: Record<string, string>;
};

/** The headers of a delivery that follow from its row. */
export function rowHeaders(row: RowOfHeaders): Record<string, string> {
  return {
    'content-type': 'application/json',
    'webhook-id': row.id,
    'bellhop-location': row.locationId,
    'bellhop-sequence': `${row.firstSequence}-${row.lastSequence}`,
  };
}

type RowOfHeaders = Pick<ClaimedDelivery, 'id' | 'locationId' | 'firstSequence' | 'lastSequence'>;

/**
 * Builds the POST of a claimed delivery: its exact body, signed for `now`, and its headers.
 * @throws Error when the endpoint's secrets cannot be decrypted.
 */
export function toRequest(delivery: ClaimedDelivery, encryption: Encryption, now: Date): DeliveryRequest {
  const owner = ownerOf('endpoint', delivery.locationId, delivery.endpointId);
  const open = (sealed: string) => encryption.open(sealed, owner);
  const body = delivery.test ? sampleBatch(delivery) : delivery.body;
  if (body === null) throw new Error('The events of this delivery have left the log.');
  const timestamp = Math.floor(now.getTime() / 1000);
  const secrets = [delivery.secret, delivery.previousSecret].filter((secret) => secret !== null).map(open);
  const own = {
    'user-agent': `Bellhop/${version}`,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ secrets, id: delivery.id, timestamp, body }),
  };
  const custom = Object.entries(delivery.headers);
  const withCustom = (valueOf: (sealed: string) => string) =>
    Object.assign(Object.fromEntries(custom.map(([name, sealed]) => [name, valueOf(sealed)])), own);
  return {
    body,
    headers: { ...withCustom(open), ...rowHeaders(delivery) },
    recordedHeaders: withCustom(() => mask),
  };
}

/** The batch of a test: one event that the log does not hold. Its session is named after the delivery. */
export function sampleBatch({
  id,
  actions,
  title,
}: Pick<ClaimedDelivery, 'id' | 'actions' | 'title'>): string {
  return formatBatch([
    { uuid: id, action: actions?.[0] ?? 'create', location: title, stations: 1, customerid: 1 },
  ]);
}
