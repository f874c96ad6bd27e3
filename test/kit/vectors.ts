import { otherSecret, secret, signDelivery } from './signed.ts';

/** A request, and whether a receiver with these secrets is to believe it at `now` (Unix time in seconds). */
export type Vector = {
  name: string;
  secrets: string[];
  now: number;
  headers: Record<string, string>;
  body: string;
  valid: boolean;
};

const at = 1795382526;
const signed = signDelivery({ at });
const rotating = signDelivery({ at, secrets: [secret, otherSecret] });
const [first = '', second = ''] = rotating.headers['webhook-signature']?.split(' ') ?? [];

type Change = Partial<Omit<Vector, 'name' | 'headers'>> & { headers?: Record<string, string> };

function vector(name: string, change: Change): Vector {
  const { headers, ...rest } = change;
  const base = { name, secrets: [secret], now: at, body: signed.body, valid: false };
  return { ...base, ...rest, headers: { ...signed.headers, ...headers } };
}

const withSignature = (signature: string) => ({ headers: { 'webhook-signature': signature } });

const without = (name: string) => {
  const whole = vector(`without ${name}`, {});
  return {
    ...whole,
    headers: Object.fromEntries(Object.entries(whole.headers).filter(([key]) => key !== name)),
  };
};

/** What every verification of a delivery has to agree on, whatever its language. */
export const vectors: Vector[] = [
  vector('a delivery', { valid: true }),
  vector('another secret', { secrets: [otherSecret] }),
  vector('a receiver with two secrets', { secrets: [otherSecret, secret], valid: true }),
  vector('a rotation, and the new secret', { headers: rotating.headers, valid: true }),
  vector('a rotation, and the old secret', {
    headers: rotating.headers,
    secrets: [otherSecret],
    valid: true,
  }),
  vector('a signature of another version before it', {
    ...withSignature(`v1a,${second} ${first}`),
    valid: true,
  }),
  vector('only a signature of another version', withSignature(first.replace('v1,', 'v2,'))),
  vector('a signature without its version', withSignature(first.replace('v1,', ''))),
  vector('a signature cut short', withSignature(first.slice(0, -4))),
  vector('a signature that begins right', withSignature(`${first.slice(0, 20)}${second.slice(20)}`)),
  vector('an empty signature', withSignature('v1,')),
  vector('no base64', withSignature('v1,äöü')),
  vector('a changed body', { body: signed.body.replace('7685', '7686') }),
  vector('a body written again', { body: JSON.stringify(JSON.parse(signed.body), null, 1) }),
  vector('an empty body', { body: '' }),
  vector('a changed id', { headers: { 'webhook-id': '01a20523-40cb-706d-b048-683585633a2f' } }),
  vector('a changed timestamp', { headers: { 'webhook-timestamp': String(at + 1) } }),
  vector('a timestamp that is no number', { headers: { 'webhook-timestamp': 'now' } }),
  vector('a negative timestamp', { headers: { 'webhook-timestamp': `-${at}` } }),
  vector('300 seconds old', { now: at + 300, valid: true }),
  vector('301 seconds old', { now: at + 301 }),
  vector('300 seconds early', { now: at - 300, valid: true }),
  vector('301 seconds early', { now: at - 301 }),
  without('webhook-id'),
  without('webhook-timestamp'),
  without('webhook-signature'),
];
