import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { createVisitor, type Visitor } from '../support/visitor.ts';
import { textOf, valueOf } from './reading.ts';

let service: TestService;
let receiver: Receiver;
let visitor: Visitor;
let location: string;
let tab: string;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  receiver.answerWith((request, response) => {
    response.statusCode = request.url.startsWith('/bad') ? 503 : 201;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ got: request.body }));
  });
  visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  location = await addLocation(service.api);
  tab = `/locations/${location}/registered-webhooks`;
});

const newPath = () => `/locations/${location}/new-registered-webhook`;
const apiPath = (id: string) => `/v1/locations/${location}/webhooks/${id}`;
const part = { 'hx-request': 'true' };
const schema = {
  type: 'object',
  required: ['points'],
  properties: { points: { type: 'integer', minimum: 5 }, name: { type: 'string' } },
};

/** A webhook that leaves much to its caller. */
const registration = () => ({
  url: `${receiver.url}/v2`,
  method: 'POST',
  headers: { authorization: 'Bearer hidden-9900', 'X-Player': '' },
  queryParams: ['page', 'a b'],
  dataSchema: schema,
});

/** Registers by the API. */
async function register(id: string, registration: object) {
  const { status } = await service.api.put(apiPath(id), registration);
  expect(status).toBe(200);
}

describe('the list', () => {
  it('says what registered webhooks are for, and how to begin, while there are none', async () => {
    const { status, html } = await visitor.get(tab);
    expect(status).toBe(200);
    expect(textOf(html)).toContain('No registered webhooks yet');
    expect(html).toContain(`href="${newPath()}"`);
  });

  it('shows each with its method, its host and its last invocation', async () => {
    await register('send-score', { url: 'https://scores.example.com/v2?key=1', method: 'PUT' });
    await register('try-me', { url: `${receiver.url}/bad` });
    await service.api.post(`${apiPath('try-me')}/trigger`, {});
    const { html } = await visitor.get(tab);
    expect(html).toContain(`href="${tab}/send-score"`);
    expect(textOf(html)).toMatch(/PUT scores\.example\.com Last invocation never/);
    expect(textOf(html)).toContain('Answered 503');
    expect(html).not.toContain('key=1');
  });

  it('goes on behind its first page', async () => {
    for (let n = 10; n < 37; n += 1) await register(`hook-${n}`, { url: 'https://example.com/' });
    const { html } = await visitor.get(tab);
    expect(html).toContain('hook-34');
    expect(html).not.toContain('hook-35');
    const next = /href="([^"]+\?cursor=[^"]+)"/.exec(html)?.[1] ?? '';
    expect((await visitor.get(next)).html).toContain('hook-36');
  });
});

describe('registering', () => {
  it('stores what was typed, and shows the signing secret once', async () => {
    await visitor.get(newPath());
    const done = await visitor.post(newPath(), {
      id: 'send-score',
      url: 'https://scores.example.com/v2',
      method: 'POST',
      headerName: ['Authorization', 'X-Player', ''],
      headerValue: ['Bearer very-hidden-4711', '', ''],
      storedHeader: ['', '', ''],
      queryParams: 'page\r\n size \r\n',
      encoding: '',
      dataSchema: JSON.stringify(schema),
      timeoutMs: '2500',
      recordBodies: 'on',
      sign: 'on',
    });
    expect(done.status).toBe(303);
    expect(done.location).toBe(`${tab}/send-score`);
    expect((await service.api.get(apiPath('send-score'))).body).toMatchObject({
      url: 'https://scores.example.com/v2',
      method: 'POST',
      headers: { Authorization: '••••••', 'X-Player': '' },
      queryParams: ['page', 'size'],
      payload_encoding: null,
      dataSchema: schema,
      timeoutMs: 2500,
      recordBodies: true,
      sign: true,
    });
    const first = await visitor.get(`${tab}/send-score`);
    expect(first.html).toMatch(/whsec_[\w+/]+/);
    expect(textOf(first.html)).toContain('It is shown this once.');
    const again = await visitor.get(`${tab}/send-score`);
    expect(again.html).not.toContain('whsec_');
    expect(first.html + again.html).not.toContain('very-hidden-4711');
  });

  it('keeps what was typed when it is refused, with each mistake at its field', async () => {
    await visitor.get(newPath());
    const { status, html } = await visitor.post(newPath(), {
      id: 'mine',
      url: 'http://10.0.0.1/"><b>x</b>',
      headerName: 'x-mine',
      headerValue: 'typed-value',
      storedHeader: '',
      dataSchema: '{"type": "object"}',
      timeoutMs: '2500',
    });
    expect(status).toBe(422);
    expect(html).toMatch(/id="url-mistake"/);
    expect(html).not.toContain('<b>x</b>');
    expect(valueOf(html, 'id')).toBe('mine');
    expect(valueOf(html, 'headerValue')).toBe('typed-value');
    expect(valueOf(html, 'timeoutMs')).toBe('2500');
    const timeout = await visitor.post(newPath(), {
      id: 'mine',
      url: 'https://example.com/',
      timeoutMs: 'soon',
    });
    expect(timeout.html).toMatch(/id="timeoutMs-mistake"/);
    expect(valueOf(timeout.html, 'timeoutMs')).toBe('soon');
    const unusable = {
      id: 'mine',
      url: 'https://example.com/',
      timeoutMs: '2500',
      dataSchema: '{"type": "strng"}',
    };
    expect((await visitor.post(newPath(), unusable)).html).toMatch(/id="dataSchema-mistake"/);
    expect((await service.api.get(apiPath('mine'))).status).toBe(404);
  });

  it('tells where a schema stops being JSON', async () => {
    await visitor.get(newPath());
    const dataSchema = '{\r\n  "type": "object",\r\n}';
    const { status, html } = await visitor.post(newPath(), {
      id: 'a',
      url: 'https://example.com/',
      dataSchema,
    });
    expect(status).toBe(422);
    expect(textOf(html)).toContain(
      'It is not JSON: line 3, column 1: a name in double quotes was expected, not }.',
    );
    expect(html).toMatch(/<textarea[^>]*name="dataSchema"[^>]*aria-invalid="true"/);
  });

  it('refuses a name that is taken, and one that no webhook may have', async () => {
    await register('taken', { url: 'https://example.com/first' });
    await visitor.get(newPath());
    const typed = { url: 'https://example.com/second', timeoutMs: '1000' };
    const taken = await visitor.post(newPath(), { ...typed, id: 'taken' });
    expect(taken.status).toBe(422);
    expect(textOf(taken.html)).toContain('It is taken: choose another one.');
    for (const id of ['', 'a b', '../x', 'ü']) {
      const { status, html } = await visitor.post(newPath(), { ...typed, id });
      expect(status).toBe(422);
      expect(html).toMatch(/id="id-mistake"/);
    }
    expect((await service.api.get(apiPath('taken'))).body.url).toBe('https://example.com/first');
  });

  it('adds a row for one more header, and keeps what was typed', async () => {
    await visitor.get(newPath());
    const { status, html } = await visitor.post(newPath(), {
      id: 'x',
      url: 'https://typed.example.com/',
      headerName: 'a',
      headerValue: 'b',
      intent: 'addHeader',
    });
    expect(status).toBe(200);
    expect(html.match(/name="headerName"/g)).toHaveLength(2);
    expect(valueOf(html, 'url')).toBe('https://typed.example.com/');
  });
});

describe('the settings of a webhook', () => {
  it('keep hidden values that are left alone, replace those that are typed, and drop those without a name', async () => {
    const headers = { 'x-keep': 'keep-me', 'x-change': 'old', 'x-drop': 'gone' };
    await register('hook', { url: receiver.url, headers, method: 'POST' });
    const { html } = await visitor.get(`${tab}/hook`);
    expect(html).not.toMatch(/keep-me|"old"|gone"/);
    const saved = await visitor.post(`${tab}/hook`, {
      url: receiver.url,
      method: 'POST',
      storedHeader: ['x-keep', 'x-change', 'x-drop'],
      headerName: ['x-keep', 'x-change', ''],
      headerValue: ['', 'new', ''],
      timeoutMs: '10000',
    });
    expect(saved.status).toBe(303);
    const count = receiver.requests.length;
    await service.api.post(`${apiPath('hook')}/trigger`, {});
    const [request] = (await receiver.received(count + 1)).slice(count);
    expect(request?.headers).toMatchObject({ 'x-keep': 'keep-me', 'x-change': 'new' });
    expect(request?.headers).not.toHaveProperty('x-drop');
  });

  it('are kept as typed when they are refused', async () => {
    await register('hook', { url: receiver.url });
    await visitor.get(`${tab}/hook`);
    const { status, html } = await visitor.post(`${tab}/hook`, { url: 'ftp://x/', timeoutMs: '777' });
    expect(status).toBe(422);
    expect(html).toMatch(/id="url-mistake"/);
    expect(valueOf(html, 'timeoutMs')).toBe('777');
    expect((await service.api.get(apiPath('hook'))).body.timeoutMs).toBe(10_000);
  });

  it('hold what a hostile hand put in, as text', async () => {
    const hostile = '</textarea><script>alert(1)</script>';
    await register('hook', {
      url: receiver.url,
      queryParams: [hostile],
      dataSchema: { type: 'object', properties: { [hostile]: { default: hostile } } },
    });
    const { html } = await visitor.get(`${tab}/hook`);
    expect(html).not.toContain('<script>alert');
    expect(textOf(html)).toContain(hostile.slice('</textarea>'.length, '</textarea>'.length + 8));
  });

  it('end with the webhook', async () => {
    await register('hook', { url: receiver.url });
    const { html } = await visitor.get(`${tab}/hook`);
    expect(html).toContain('Delete hook');
    expect((await visitor.post(`${tab}/hook/delete`)).location).toBe(tab);
    expect((await service.api.get(apiPath('hook'))).status).toBe(404);
    expect(textOf((await visitor.get(tab)).html)).toContain('hook was deleted.');
    expect((await visitor.get(`${tab}/hook`)).status).toBe(404);
  });

  it('can be those of a webhook by any name', async () => {
    for (const id of ['new', 'invocations', 'delete', 'try']) {
      await register(id, { url: 'https://example.com/' });
      expect((await visitor.get(`${tab}/${id}`)).html).toContain(`Delete ${id}`);
    }
    expect((await visitor.get(`${tab}/invocations/invocations`)).status).toBe(200);
  });
});

describe('a trial', () => {
  it('has a field for whatever the caller fills in, and data that fits the schema', async () => {
    await register('hook', registration());
    const { html } = await visitor.get(`${tab}/hook`);
    expect(html).toContain('name="header.X-Player"');
    expect(html).not.toContain('name="header.authorization"');
    expect(html).toContain('name="queryParam.page"');
    expect(html).toContain('name="queryParam.a%20b"');
    expect(JSON.parse(valueOf(html, 'data') ?? '')).toEqual({ points: 5, name: '' });
  });

  it('triggers as an app would, and shows what the app would get', async () => {
    await register('hook', registration());
    await visitor.get(`${tab}/hook`);
    const count = receiver.requests.length;
    const typed = {
      'header.X-Player': 'Ada',
      'queryParam.page': '',
      'queryParam.a%20b': '2',
      data: '{"points": 7}',
    };
    for (const headers of [{}, part]) {
      const { status, html } = await visitor.post(`${tab}/hook/try`, typed, headers);
      expect(status).toBe(200);
      expect(html.includes('<html')).toBe(headers !== part);
      expect(textOf(html)).toMatch(/Answered 201 The third party answered 201 after \d+ ms\./);
      expect(textOf(html)).toContain(String.raw`"got": "{\"points\":7}"`);
      const [, reference] = /invocations\/([0-9a-f-]{36})"/.exec(html) ?? [];
      const record = await service.api.get(`/v1/locations/${location}/invocations/${reference}`);
      expect(record.body.status).toBe(201);
      expect(html).not.toContain('hidden-9900');
    }
    const [request] = (await receiver.received(count + 2)).slice(count);
    expect(request).toMatchObject({ url: '/v2?a%20b=2', body: '{"points":7}' });
    expect(request?.headers).toMatchObject({ 'x-player': 'Ada', authorization: 'Bearer hidden-9900' });
  });

  it('shows what does not fit at its field, and sends nothing', async () => {
    await register('hook', registration());
    await visitor.get(`${tab}/hook`);
    const count = receiver.requests.length;
    const wrong = await visitor.post(
      `${tab}/hook/try`,
      { 'header.X-Player': '', data: '{"points": "many"}' },
      part,
    );
    expect(wrong.html).toMatch(/id="header.X-Player-mistake"/);
    expect(textOf(wrong.html)).toContain('points: It must be integer.');
    expect(valueOf(wrong.html, 'data')).toBe('{"points": "many"}');
    const broken = await visitor.post(`${tab}/hook/try`, { 'header.X-Player': 'x', data: '{"points": }' });
    expect(broken.status).toBe(422);
    expect(textOf(broken.html)).toContain('It is not JSON: line 1, column 12: a value was expected, not }.');
    expect(receiver.requests).toHaveLength(count);
  });

  it('says in words why no answer came, and what to do', async () => {
    const gone = await startReceiver();
    await gone.stop();
    await register('hook', { url: gone.url });
    await register('bad', { url: `${receiver.url}/bad` });
    await visitor.get(`${tab}/hook`);
    const dead = await visitor.post(`${tab}/hook/try`, {}, part);
    expect(textOf(dead.html)).toMatch(/No answer No connection could be made\. Check/);
    expect(textOf(dead.html)).toContain('status 0 · error true');
    const bad = await visitor.post(`${tab}/bad/try`, { data: 'a text' }, part);
    expect(textOf(bad.html)).toContain('answered 503, which is not a success. It has a fault of its own');
  });

  it('is refused to a key that may not trigger, in words', async () => {
    await register('hook', { url: receiver.url });
    const { body } = await service.api.post('/v1/keys', { name: 'x', scopes: ['settings:read'] });
    const reader = createVisitor(service.url);
    await reader.signIn(body.key);
    await reader.get(`${tab}/hook`);
    const { html } = await reader.post(`${tab}/hook/try`, {}, part);
    expect(textOf(html)).toContain('This API key lacks the scope webhooks:trigger.');
  });
});

describe('the snippets', () => {
  it('hold a request with curl that works as it is, and one in TypeScript', async () => {
    await register('hook', {
      url: `${receiver.url}/v2`,
      headers: { 'X-Player': '' },
      dataSchema: { type: 'object', properties: { name: { default: "it's $HOME" } } },
    });
    const { html } = await visitor.get(`${tab}/hook`);
    const text = textOf(html);
    expect(text).toContain(`curl -sS -X POST '${service.url}${apiPath('hook')}/trigger'`);
    expect(text).toContain(String.raw`-d '{"data":{"name":"it'\''s $HOME"},"headers":{"X-Player":"value"}`);
    expect(text).toContain(`api.webhooks.trigger( "hook", { "name": "it's $HOME" }`);
  });
});

describe('invocations', () => {
  it('are listed a page at a time, and shown in full with sizes and bodies', async () => {
    await register('hook', { url: receiver.url, recordBodies: true });
    const made: string[] = [];
    for (let n = 0; n < 51; n += 1) {
      const { body } = await service.api.post(`${apiPath('hook')}/trigger`, {
        data: { n, html: '<i>x</i>' },
      });
      made.push(body.referenceId);
    }
    const first = await visitor.get(`${tab}/hook/invocations`);
    expect(first.html).toContain(made[50]);
    expect(first.html).not.toContain(made[0]);
    const next = /href="([^"]+\?cursor=[^"]+)"/.exec(first.html)?.[1] ?? '';
    expect((await visitor.get(next)).html).toContain(made[0]);
    const { html } = await visitor.get(`/locations/${location}/invocations/${made[0]}`);
    expect(html).not.toContain('<i>x</i>');
    expect(textOf(html)).toContain('"html": "<i>x</i>"');
    expect(textOf(html)).toMatch(/Sent 25 bytes Answered \d+ bytes/);
  });

  it('say why nothing was sent, and that bodies are not kept', async () => {
    await register('hook', { url: receiver.url, dataSchema: schema });
    await service.api.post(`${apiPath('hook')}/trigger`, { data: { points: '<b>' } });
    const { body } = await service.api.get(`${apiPath('hook')}/invocations`);
    const { html } = await visitor.get(`/locations/${location}/invocations/${body.items[0].referenceId}`);
    expect(textOf(html)).toContain('Nothing was sent. The request has a mistake');
    expect(textOf(html)).toContain('Not kept.');
    expect((await visitor.get(`/locations/${location}/invocations/nothing`)).status).toBe(404);
  });
});
