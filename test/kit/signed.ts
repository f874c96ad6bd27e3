import { sign } from '../../src/delivery/signature.ts';
import { formatBatch } from '../../src/events/batch.ts';

/** The secret of deliveries in these tests, and another. */
export const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
export const otherSecret = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

/** Two events, one of a location with a title that is not ASCII. */
export const events = [
  {
    uuid: '41509791-3de8-5bb9-b4fc-a9753da95aad',
    action: 'create' as const,
    location: 'Kamen Test',
    stations: 1,
    customerid: 7685,
  },
  {
    uuid: 'b5f2ac4e-6a39-4b1c-9d8e-0d1f2a3b4c5d',
    action: 'delete' as const,
    location: 'Kämen 🎮 „Test“',
    stations: 12,
    customerid: 9007199254740991,
  },
];

/** A delivery as Bellhop signs it. `at` is Unix time in seconds. */
export function signDelivery({
  secrets = [secret],
  id = '01a20523-40cb-706d-b048-683585633a2e',
  at = Math.floor(Date.now() / 1000),
  body = formatBatch(events),
  sequence = '17-19',
} = {}) {
  const headers: Record<string, string> = {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': sign({ secrets, id, timestamp: at, body }),
    'bellhop-location': 'kamen-test',
    'bellhop-sequence': sequence,
  };
  return { headers, body };
}

/** The same as a web request. */
export function requestOf({ headers, body }: ReturnType<typeof signDelivery>, method = 'POST'): Request {
  return new Request('https://booking.example.com/hooks/vr', {
    method,
    headers,
    ...(method === 'POST' && { body }),
  });
}
