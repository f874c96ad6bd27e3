import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { createSecret, sign } from '../../src/delivery/signature.ts';

const timestamp = Math.floor(Date.now() / 1000);

function verify(secret: string, body: string | Buffer, signature: string): unknown {
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
  };
  return new Webhook(secret).verify(body, headers);
}

test('a secret is whsec_ and 32 random bytes in base64', () => {
  expect(createSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(createSecret()).not.toBe(createSecret());
});

test('the example of the Standard Webhooks specification is signed as there', () => {
  const signature = sign({
    secrets: ['whsec_plJ3nmyCDGBKInavdOK15jsl'],
    id: 'msg_loFOjxBNrRLzqYUf',
    timestamp: 1731705121,
    body: '{"event_type":"ping","data":{"success":true}}',
  });
  expect(signature).toBe('v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=');
});

test('any text is signed so that the standardwebhooks package accepts it, as text and as bytes', () => {
  fc.assert(
    fc.property(fc.json(), (body) => {
      const secret = createSecret();
      const signature = sign({ secrets: [secret], id: 'msg_1', timestamp, body });
      expect(sign({ secrets: [secret], id: 'msg_1', timestamp, body: Buffer.from(body) })).toBe(signature);
      expect(verify(secret, body, signature)).toEqual(JSON.parse(body));
    }),
  );
});

test('while a rotation overlaps, receivers with either secret accept the signature', () => {
  const secrets = [createSecret(), createSecret()];
  const signature = sign({ secrets, id: 'msg_1', timestamp, body: '[1]' });
  expect(signature).toMatch(/^v1,\S+ v1,\S+$/);
  for (const secret of secrets) expect(verify(secret, '[1]', signature)).toEqual([1]);
  expect(() => verify(createSecret(), '[1]', signature)).toThrow('No matching signature');
});

test.each([[[]], [['plain']], [['whsec_']], [['']]])('signing with %j is refused', (secrets) => {
  expect(() => sign({ secrets, id: 'msg_1', timestamp, body: '[]' })).toThrow(/secret/);
});
