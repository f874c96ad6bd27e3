import type { Encryption } from '../db/encryption.ts';
import { ownerOf } from '../db/sealed.ts';
import { sign } from '../delivery/signature.ts';
import { formatBatch } from '../events/batch.ts';
import { mask } from '../http/custom-headers.ts';
import { version } from '../version.ts';
import type { ClaimedDelivery } from './claim.ts';

/** The POST of a delivery. `shownHeaders` are its headers as people may read them later: custom values are masked. */
export type DeliveryRequest = {
  body: string;
  headers: Record<string, string>;
  shownHeaders: Record<string, string>;
};

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
    'content-type': 'application/json',
    'user-agent': `Bellhop/${version}`,
    'webhook-id': delivery.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ secrets, id: delivery.id, timestamp, body }),
    'bellhop-location': delivery.locationId,
    'bellhop-sequence': `${delivery.firstSequence}-${delivery.lastSequence}`,
  };
  const custom = Object.entries(delivery.headers);
  return {
    body,
    headers: { ...Object.fromEntries(custom.map(([name, value]) => [name, open(value)])), ...own },
    shownHeaders: { ...Object.fromEntries(custom.map(([name]) => [name, mask])), ...own },
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
