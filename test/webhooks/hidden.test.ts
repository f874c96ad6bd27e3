import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { register } from './register.ts';

const mask = '••••••';
let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await service.stop();
});

const token = 'tok/3n+A b"c\\<&>%~9876543210';
const apiKey = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
const user = 'venue@example.com';
const password = 'pässword-Z8';
const basic = Buffer.from(`${user}:${password}`).toString('base64');
const session = 's3ss10n-id-abcdef';
const query = 'qu3ry/s3cret+x';
const segment = 'T0KEN7890abcdefXYZ12';
const number = '12345678901234567890';

const registration = {
  headers: {
    'X-Token': token,
    'X-Api-Key': apiKey,
    Authorization: `Basic ${basic}`,
    'X-Bearer': `Bearer ${'b34r3r'.repeat(5)}`,
    Cookie: `theme=dark; session=${session}`,
    'X-Number': number,
    'Content-Type': 'application/json',
  },
};
const path = `/services/${segment}/in?key=${encodeURIComponent(query)}&v=1`;
const hidden = [
  token,
  apiKey,
  basic,
  `${user}:${password}`,
  password,
  'b34r3r'.repeat(5),
  session,
  query,
  segment,
];

/** Everything by which a text can be known again. */
function spellings(text: string): string[] {
  const bytes = Buffer.from(text);
  return [
    text,
    encodeURIComponent(text),
    encodeURIComponent(text).replaceAll('%20', '+'),
    encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
    JSON.stringify(text).slice(1, -1),
    JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    bytes.toString('base64'),
    bytes.toString('base64url'),
  ];
}

async function echo(type: string, body: string | Buffer, status = 200) {
  receiver.answerWith((_request, response) => response.writeHead(status, { 'content-type': type }).end(body));
  const webhook = await register(service.api, {
    url: receiver.url + path,
    queryParams: ['page'],
    recordBodies: true,
    ...registration,
  });
  const { body: answer } = await webhook.trigger({ queryParams: { page: 2 } });
  return { answer, record: await webhook.lastInvocation() };
}

function expectNothingOf(values: string[], ...places: unknown[]) {
  const text = places.map((place) => (typeof place === 'string' ? place : JSON.stringify(place))).join('\n');
  for (const value of values.flatMap(spellings)) expect(text).not.toContain(value);
}

describe('what is hidden never reaches the app, when a third party echoes', () => {
  it('the whole request', async () => {
    receiver.answerWith((request, response) => {
      const { headers, url } = request;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ headers, url }));
    });
    const webhook = await register(service.api, { url: receiver.url + path, ...registration });
    const { body } = await webhook.trigger({ headers: { 'x-mine': 'mine' } });
    expect(body.data.headers).toMatchObject({ 'x-mine': 'mine', 'x-token': mask, 'x-api-key': mask });
    expect(body.data.url).not.toContain('key=');
    expectNothingOf(hidden, body);
  });

  it.each(hidden)('%j, in texts and names of JSON', async (value) => {
    const body = JSON.stringify({
      [value]: [`<${value}>`, { deep: [value] }],
      [`a${value}`]: 1,
      kept: 'kept',
    });
    const { answer, record } = await echo('application/json', body);
    expect(answer.data).toMatchObject({
      [mask]: [`<${mask}>`, { deep: [mask] }],
      [`a${mask}`]: 1,
      kept: 'kept',
    });
    expectNothingOf([value], answer, record);
  });

  it('with escapes of JSON that nobody needs', async () => {
    const escaped = Array.from(apiKey)
      .map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
    const { answer } = await echo('application/json', `{"a":"x${escaped}y"}`);
    expect(answer.data).toEqual({ a: `x${mask}y` });
  });

  it('numbers of JSON', async () => {
    const { answer } = await echo('application/json', `{"a":${number},"b":7,"c":"${number}"}`);
    expect(answer.data).toEqual({ a: mask, b: 7, c: mask });
  });

  it('its own JSON as a text within JSON', async () => {
    const { answer } = await echo(
      'application/json',
      JSON.stringify({ a: JSON.stringify({ token, apiKey }) }),
    );
    expect(JSON.parse(answer.data.a)).toEqual({ token: mask, apiKey: mask });
  });

  it('text, in every spelling', async () => {
    const { answer, record } = await echo('text/plain', hidden.flatMap(spellings).join('\n'));
    expect(answer.data).toContain(mask);
    expectNothingOf(hidden, answer, record);
  });

  it('JSON that is broken', async () => {
    const { answer, record } = await echo('application/json', `{"token":${JSON.stringify(token)}`);
    expect(answer.data).toBe(`{"token":"${mask}"`);
    expectNothingOf(hidden, answer, record);
  });

  it('in base64 of more than the value', async () => {
    const whole = hidden.map((value, n) =>
      Buffer.from(`${'x'.repeat(n)}${value} and more`).toString('base64'),
    );
    const { answer } = await echo('text/plain', whole.join('\n'));
    for (const line of String(answer.data).split('\n')) {
      const decoded = Buffer.from(line.split(mask)[0] ?? '', 'base64').toString();
      expect(line).toContain(mask);
      expect(hidden.filter((value) => decoded.includes(value.slice(0, 4)))).toEqual([]);
    }
  });

  it('binary data, whose other bytes stay as they are', async () => {
    const noise = Buffer.from([0, 255, 128, 10, 13]);
    const body = Buffer.concat(hidden.flatMap((value) => [noise, Buffer.from(value)]).concat(noise));
    const { answer, record } = await echo('image/png', body);
    const bytes = Buffer.from(answer.data.base64, 'base64');
    expectNothingOf(hidden, bytes.toString('utf8'), bytes.toString('latin1'), answer, record);
    expect(bytes.subarray(0, 5)).toEqual(noise);
    expect(bytes.subarray(-5)).toEqual(noise);
  });

  it('the content type of binary data', async () => {
    const { answer } = await echo(`image/png; key=${apiKey}`, Buffer.from([1]));
    expect(answer.data).toEqual({ contentType: `image/png; key=${mask}`, base64: 'AQ==' });
  });

  it('an error', async () => {
    const { answer } = await echo('text/plain', `invalid key ${apiKey}`, 401);
    expect(answer).toMatchObject({ status: 401, data: `invalid key ${mask}`, error: true });
  });

  it('the URL', async () => {
    const url = receiver.url + path;
    const { answer } = await echo(
      'text/plain',
      `${url}&page=2 ${path} ${receiver.url}/services/${segment}/in`,
    );
    expectNothingOf([url, path, segment, query], answer);
    expect(answer.data).not.toContain(receiver.url);
  });
});

describe('what is no secret is left alone', () => {
  it('such as content types, short values, and what the caller sent', async () => {
    const text = 'application/json text/csv 1 on dark Bearer Basic json metric mine';
    receiver.answerWith((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end(`${text} s3cr`),
    );
    const { trigger } = await register(service.api, {
      url: `${receiver.url}/api?format=json&units=metric&api_key=s3cr`,
      headers: {
        'content-type': 'application/json',
        accept: 'text/csv',
        'x-version': '1',
        'x-flag': 'on',
        'x-caller': '',
        cookie: 'theme=dark',
        authorization: 'Bearer s3cr3t',
      },
    });
    const { body } = await trigger({ headers: { 'x-caller': 'mine' } });
    expect(body.data).toBe(`${text} ${mask}`);
  });
});
