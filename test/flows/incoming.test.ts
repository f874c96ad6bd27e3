import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { head, sendRaw } from '../http/raw.ts';
import { withSql } from '../db/dump.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { startReceiver } from '../support/receiver.ts';
import { running } from '../support/stage.ts';
import { makeFlow, registerWebhook } from './flow.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the body of a request', () => {
  it.each([
    ['JSON', '{"name":"Ada","tags":[1,2]}', 'application/json; charset=utf-8', 'Ada 2'],
    ['JSON of a type of its own', '{"name":"Ada","tags":[1,2]}', 'application/vnd.shop+json', 'Ada 2'],
    ['JSON that is called a form', '{"name":"Ada","tags":[1,2]}', form['content-type'], 'Ada 2'],
    ['JSON that is called text', '{"name":"Ada","tags":[1,2]}', 'text/plain', 'Ada 2'],
    ['a form', 'name=Ada+L&tags=1&tags=2&tags=3', form['content-type'], 'Ada L 3'],
  ])('is read as %s', async (_, body, type, expected) => {
    const flow = await makeFlow(service, { response: { body: '{{ web1.name }} {{ event.tags | length }}' } });
    expect((await flow.send(body, { 'content-type': type })).text).toBe(expected);
  });

  it.each([
    ['text', 'two\nlines', 'text/plain', 'two\nlines'],
    ['XML', '<a>1</a>', 'text/xml', '<a>1</a>'],
    ['nothing', undefined, 'application/json', ''],
  ])('is read as %s', async (_, body, type, expected) => {
    const flow = await makeFlow(service, { response: { body: '{{ web1 if web1 is not none else "" }}' } });
    expect((await flow.send(body, { 'content-type': type })).text).toBe(expected);
  });

  it('is the event under the ref of the flow, and `props` are empty', async () => {
    const flow = await makeFlow(service, {
      ref: 'order',
      response: { body: '{{ order.id }} {{ event.id }} {{ web1 is defined }} {{ props | length }}' },
    });
    expect((await flow.send({ id: 7 })).text.toLowerCase()).toBe('7 7 false 0');
  });

  it.each([
    ['that is not JSON', '{"a":', { 'content-type': 'application/json' }, 400],
    ['of an unknown type', 'x', { 'content-type': 'application/octet-stream' }, 415],
    ['that is compressed', 'x', { 'content-encoding': 'gzip' }, 415],
    ['of more than 1 MiB', 'x'.repeat(1024 * 1024 + 1), {}, 413],
    [
      'with more levels than anybody reads',
      '['.repeat(5000) + ']'.repeat(5000),
      { 'content-type': 'application/json' },
      400,
    ],
  ])('is refused when it is one %s, and leaves no run', async (_, body, headers, status) => {
    const flow = await makeFlow(service, {});
    const said = await flow.send(body, headers);
    expect(said.status).toBe(status);
    expect(said.headers.get('content-type')).toBe('application/problem+json');
    expect(await flow.runs()).toEqual([]);
  });

  it('may have 1 MiB, and bytes that are not UTF-8 are refused', async () => {
    const flow = await makeFlow(service, { response: { body: '{{ web1 | length }}' } });
    expect((await flow.send('x'.repeat(1024 * 1024))).status).toBe(200);
    const raw = head(`POST ${new URL(flow.url).pathname}`, [
      ['content-type', 'text/plain'],
      ['content-length', '1'],
      ['connection', 'close'],
    ]);
    const answer = await sendRaw(service.url, raw.replace(/Bearer .*\r/, `Bearer ${flow.token}\r`) + '\xff');
    expect(answer.status).toBe(400);
  });

  it('is never rendered, whatever it holds', async () => {
    const receiver = await running(startReceiver());
    receiver.answerWith((request, response) =>
      response.setHeader('content-type', 'text/plain').end(request.body),
    );
    const flow = await makeFlow(service, {});
    await registerWebhook(service.api, flow.locationId, 'echo', { url: receiver.url });
    const steps = [{ ref: 'res1', trigger: 'echo', data: '{{ web1.x }}' }];
    await service.api.put(flow.path, {
      status: 'live',
      steps,
      response: { body: '{{ web1.x }} {{ res1 }}' },
    });
    const x = '{{ 7 * 7 }}{% for i in range(9) %}{{ steps }}{% endfor %}';
    expect((await flow.send({ x })).text).toBe(`${x} ${x}`);
    expect(receiver.requests[0]?.body).toBe(x);
  });
});

describe('a paused flow', () => {
  it('answers with what the specification says, and stores nothing', async () => {
    const flow = await makeFlow(service, { status: 'paused', async: true });
    const before = await countRows();
    const said = await flow.send({ a: 1 }, { 'idempotency-key': 'x' });
    expect(said.status).toBe(200);
    expect(said.headers.get('content-type')).toMatch(/^application\/json/);
    expect(said.text).toBe(
      '{"status":200,"error":"biz_logic","message":"Flow status is `paused`. Unpause to run this flow using a webhook","data":null}',
    );
    expect(await countRows()).toEqual(before);
  });
});

const specified =
  '{"valid": {% if res1.value == "myResult" %} "{{ res1.value }}" {% else %} false {% endif %}}';

describe('the response of a flow', () => {
  it.each([
    ['myResult', { valid: 'myResult' }],
    ['another', { valid: false }],
  ])('is the JSON of the specification when the third party says %s', async (value, expected) => {
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ value })),
    );
    const flow = await makeFlow(service, {});
    await registerWebhook(service.api, flow.locationId, 'check', { url: receiver.url });
    const steps = [{ ref: 'res1', trigger: 'check', data: { company: '{{ web1.company_id }}' } }];
    await service.api.put(flow.path, { status: 'live', steps, response: { body: specified } });
    const said = await flow.send({ company_id: 'c-1' });
    expect(said.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(JSON.parse(said.text)).toEqual(expected);
    expect(receiver.requests[0]?.body).toBe('{"company":"c-1"}');
  });

  it('is a problem when it claims to be JSON and is not: never half an answer', async () => {
    const flow = await makeFlow(service, { response: { status: 201, body: '{"name": {{ web1.name }}}' } });
    const said = await flow.send({ name: 'Ada' });
    expect(said.status).toBe(500);
    expect(said.headers.get('content-type')).toBe('application/problem+json');
    expect(said.text).not.toContain('Ada');
    const [run] = await flow.runs();
    expect(run).toMatchObject({
      status: 'failed',
      response: null,
      error: { where: 'response.body', message: 'The response claims to be JSON and is not.', line: null },
    });
    expect(JSON.parse(said.text).detail).toContain(run.id);
    expect((await flow.send({ name: 5 })).text).toBe('{"name": 5}');
  });

  it('is a problem when its template fails, which the run explains with the line', async () => {
    const flow = await makeFlow(service, { response: { body: 'one\n{{ web1.name.first.second }}' } });
    const said = await flow.send({});
    const [run] = await flow.runs();
    expect(said.status).toBe(500);
    expect(run.error).toMatchObject({ where: 'response.body', line: 2 });
  });

  it.each([
    ['hello', 'text/plain; charset=utf-8'],
    ['{{ web1 }}', 'text/plain; charset=utf-8'],
    ['<script>alert(1)</script>', 'text/plain; charset=utf-8'],
    ['["a"]', 'application/json; charset=utf-8'],
    ['{% if true %}{"a":1}{% endif %}', 'application/json; charset=utf-8'],
  ])('%s is sent as %s, and no browser takes it for a page', async (body, type) => {
    const flow = await makeFlow(service, { response: { body } });
    const { headers } = await flow.send('<b>hi</b>');
    expect(headers.get('content-type')).toBe(type);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toMatch(/^sandbox;/);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each([200, 201, 204, 205, 302, 304, 404, 422, 500, 503, 599])('has the status %i', async (status) => {
    const flow = await makeFlow(service, { response: { status, body: 'hi' } });
    const response = await fetch(flow.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${flow.token}` },
      redirect: 'manual',
    });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe([204, 205, 304].includes(status) ? '' : 'hi');
    const [run] = await flow.runs();
    expect(run).toMatchObject({ status: 'succeeded', responseStatus: status });
  });
});

function countRows(): Promise<unknown> {
  return withSql(
    service.databaseUrl,
    (sql) => sql`
      select (select count(*) from runs) as runs, (select count(*) from events) as events,
        (select count(*) from invocations) as invocations`,
  );
}
