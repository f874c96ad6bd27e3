import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  boundTo,
  endedRuns,
  makeFlow,
  registerWebhook,
  runsOf,
  sendTo,
  type TestFlow,
} from '../flows/flow.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addLocation } from '../support/venue.ts';
import { createVisitor, type Visitor } from '../support/visitor.ts';
import { textOf, valueOf } from './reading.ts';

let service: TestService;
let receiver: Receiver;
let visitor: Visitor;
let locationId: string;
let tab: string;
let newPath: string;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  receiver.answerWith((_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"value": "<u>res</u>"}'),
  );
  visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  locationId = await addLocation(service.api);
  tab = `/locations/${locationId}/flows`;
  newPath = `/locations/${locationId}/new-flow`;
});

const part = { 'hx-request': 'true' };
const hostile = '<script>alert(1)</script>';

/** A flow as it is typed. */
const typed = {
  name: 'book-session',
  status: 'live',
  async: 'false',
  auth: 'bearer',
  ref: 'guest',
  steps: '[]',
  responseStatus: '201',
  responseBody: 'Hello\r\n{{ guest.name }}',
};

const trialPath = () => `/locations/${locationId}/template-trial`;
const runsPath = () => `/locations/${locationId}/runs`;
const here = () => ({ locationId });
const flowPath = (name = 'book-session') => `/v1/locations/${locationId}/flows/${name}`;

describe('the list', () => {
  it('says what flows are for, and how to begin, while there are none', async () => {
    const { status, html } = await visitor.get(tab);
    expect(status).toBe(200);
    expect(textOf(html)).toContain('No flows yet');
    expect(html).toContain(`href="${newPath}"`);
  });

  it('shows each with its status and its last run', async () => {
    const flow = await makeFlow(service, { response: { body: '{nothing' } }, here());
    await flow.send();
    await makeFlow(service, { status: 'paused' }, { locationId, name: 'another.one' });
    const { html } = await visitor.get(tab);
    expect(textOf(html)).toMatch(/book-session Live .* Failed/);
    expect(textOf(html)).toMatch(/another\.one Paused .* never/);
  });
});

describe('making a flow', () => {
  it('stores what was typed, and shows its token once', async () => {
    await visitor.get(newPath);
    const steps = [{ ref: 'a', emit: { uuid: '{{ x }}', action: 'create', stations: 1, customerid: 2 } }];
    const fields = { ...typed, steps: JSON.stringify(steps), async: 'true' };
    const done = await visitor.post(newPath, fields);
    expect(done.location).toBe(`${tab}/book-session`);
    const { body } = await service.api.get(flowPath());
    const response = { status: 201, body: 'Hello\n{{ guest.name }}' };
    expect(body).toMatchObject({
      status: 'live',
      async: true,
      auth: 'bearer',
      ref: 'guest',
      steps,
      response,
    });
    const { html } = await visitor.get(`${tab}/book-session`);
    const token = /flow_[\w-]{40,}/.exec(html)?.[0] ?? '';
    expect((await sendTo(service.url + body.url, {}, { authorization: `Bearer ${token}` })).status).toBe(200);
    const again = await visitor.get(`${tab}/book-session`);
    expect(again.html).not.toMatch(/flow_[\w-]{40,}/);
    expect(textOf(again.html)).toContain(`The token in use ends with ${body.tokenHint}`);
  });

  it('shows no token where none is needed', async () => {
    await visitor.get(newPath);
    expect((await visitor.post(newPath, { ...typed, auth: 'none' })).status).toBe(303);
    const { html } = await visitor.get(`${tab}/book-session`);
    expect(html).not.toMatch(/flow_[\w-]{40,}/);
    expect(textOf(html)).toContain('The flow was made.');
    expect(textOf(html)).toContain('Whoever knows this URL may run the flow');
  });

  it('names the step of every mistake, and keeps what was typed', async () => {
    await visitor.get(newPath);
    const steps = JSON.stringify([
      { ref: 'fine', emit: { uuid: 'x', action: 'create', stations: 1, customerid: 2 } },
      { ref: 'res1', trigger: 'nobody', data: { a: '{% if %}' } },
    ]);
    const { status, html } = await visitor.post(newPath, { ...typed, steps, responseBody: 'a\n{% if %}' });
    expect(status).toBe(422);
    expect(textOf(html)).toContain('Step 2 (res1), data.a: is not a template:');
    expect(textOf(html)).toContain('Step 2 (res1), trigger: there is no webhook nobody at this location.');
    expect(textOf(html)).toMatch(/It is not a template: .*\(line 2\)/);
    expect(html).toMatch(/id="steps-mistake"/);
    expect(html).toMatch(/id="responseBody-mistake"/);
    expect(valueOf(html, 'steps')).toBe(steps);
    expect(valueOf(html, 'status')).toBe('live');
    expect(valueOf(html, 'responseStatus')).toBe('201');
    expect((await service.api.get(flowPath())).status).toBe(404);
  });

  it('tells where the steps stop being JSON', async () => {
    await visitor.get(newPath);
    const { html } = await visitor.post(newPath, { ...typed, steps: '[\r\n  {"ref": "a" "trigger": "b"}]' });
    expect(textOf(html)).toContain('line 2, column 15: a comma or } was expected');
  });

  it('shows other mistakes at their fields', async () => {
    await visitor.get(newPath);
    const wrong = { ...typed, responseStatus: '99', ref: 'steps', signingSecret: 'short' };
    const { html } = await visitor.post(newPath, wrong);
    for (const field of ['responseStatus', 'ref', 'signingSecret'])
      expect(html).toContain(`id="${field}-mistake"`);
    expect(valueOf(html, 'signingSecret')).toBe('short');
  });

  it('refuses a name that is taken, and one that no flow may have', async () => {
    await makeFlow(service, { response: { body: 'first' } }, here());
    await visitor.get(newPath);
    const taken = await visitor.post(newPath, typed);
    expect(taken.status).toBe(422);
    expect(textOf(taken.html)).toContain('It is taken: choose another one.');
    for (const name of ['', 'a b', 'a/b']) {
      const { status, html } = await visitor.post(newPath, { ...typed, name });
      expect(status).toBe(422);
      expect(html).toContain('id="name-mistake"');
    }
    expect((await service.api.get(flowPath())).body.response.body).toBe('first');
  });

  it('puts in examples of steps that the API takes, and nothing where the steps are no list', async () => {
    await registerWebhook(service.api, locationId, 'known', { url: receiver.url });
    await visitor.get(newPath);
    const first = await visitor.post(newPath, { ...typed, intent: 'addTrigger' });
    const steps = valueOf(first.html, 'steps') ?? '';
    expect(JSON.parse(steps)).toMatchObject([{ ref: 'res1', trigger: 'known' }]);
    const second = await visitor.post(newPath, { ...typed, steps, intent: 'addEmit' });
    const both = valueOf(second.html, 'steps') ?? '';
    expect((await visitor.post(newPath, { ...typed, steps: both })).status).toBe(303);
    const broken = await visitor.post(newPath, { ...typed, steps: '[{]', intent: 'addEmit' });
    expect(valueOf(broken.html, 'steps')).toBe('[{]');
  });
});

describe('a flow', () => {
  let flow: TestFlow;
  let page: string;
  beforeEach(async () => {
    const signingSecret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    flow = await makeFlow(service, { response: { body: hostile }, signingSecret }, here());
    page = `${tab}/${flow.name}`;
  });

  it('shows its URL and a request with curl', async () => {
    const { html } = await visitor.get(page);
    expect(textOf(html)).toContain(flow.url);
    expect(textOf(html)).toContain(
      `curl -sS -X POST '${flow.url}' \\ -H "Authorization: Bearer $FLOW_TOKEN"`,
    );
    expect(html).not.toContain(flow.token);
  });

  it('is saved as typed, keeps its secret, and forgets it when asked to', async () => {
    const { html } = await visitor.get(page);
    expect(html).not.toContain('whsec_A');
    expect(html).not.toContain(hostile);
    expect(valueOf(html, 'responseBody')).toBe(hostile);
    const saved = await visitor.post(page, { ...typed, status: 'draft', responseBody: 'new' });
    expect(saved.location).toBe(page);
    const kept = (await service.api.get(flow.path)).body;
    expect(kept).toMatchObject({ status: 'draft', signingSecret: '••••••', response: { body: 'new' } });
    expect((await flow.send({})).status).toBe(401);
    await visitor.get(page);
    await visitor.post(page, { ...typed, forgetsSecret: 'on' });
    expect((await service.api.get(flow.path)).body.signingSecret).toBeNull();
  });

  it('shows its response with every line break, also the first, which browsers drop', async () => {
    await service.api.put(flow.path, { response: { body: '\na' } });
    expect((await visitor.get(page)).html).toMatch(/<textarea[^>]* name="responseBody"[^>]*>\n\na</);
  });

  it('keeps what was typed when it is refused', async () => {
    await visitor.get(page);
    const { status, html } = await visitor.post(page, { ...typed, responseBody: `${hostile}{{ x` });
    expect(status).toBe(422);
    expect(html).not.toContain(hostile);
    expect(valueOf(html, 'responseBody')).toBe(`${hostile}{{ x`);
    expect((await service.api.get(flow.path)).body.response.body).toBe(hostile);
  });

  it('is paused and goes on, also when one of its webhooks is gone', async () => {
    await registerWebhook(service.api, locationId, 'w', { url: receiver.url });
    const broken = await makeFlow(
      service,
      { steps: [{ ref: 'a', trigger: 'w' }] },
      { locationId, name: 'b' },
    );
    await service.api.delete(`/v1/locations/${locationId}/webhooks/w`);
    await visitor.get(`${tab}/b`);
    expect((await visitor.post(`${tab}/b/status`, { status: 'paused' })).status).toBe(303);
    expect((await service.api.get(broken.path)).body.status).toBe('paused');
    const { html } = await visitor.get(`${tab}/b`);
    expect(textOf(html)).toContain('The flow is paused: its URLs run nothing.');
    expect(textOf(html)).toContain('Resume or delete');
    await visitor.post(`${tab}/b/status`, { status: 'live' });
    expect((await service.api.get(broken.path)).body.status).toBe('live');
  });

  it('gets a new token that is shown once, and the old one works for as long as was chosen', async () => {
    const plain = await makeFlow(service, { response: { body: 'hi' } }, { locationId, name: 'plain' });
    await visitor.get(`${tab}/plain`);
    expect((await visitor.post(`${tab}/plain/rotate`, { overlapHours: '1' })).status).toBe(303);
    const { html } = await visitor.get(`${tab}/plain`);
    const token = /flow_[\w-]{40,}/.exec(html)?.[0] ?? '';
    const send = (bearer: string) => sendTo(plain.url, {}, { authorization: `Bearer ${bearer}` });
    expect((await send(token)).status).toBe(200);
    expect((await send(plain.token)).status).toBe(200);
    expect((await visitor.get(`${tab}/plain`)).html).not.toContain(token);
    await visitor.post(`${tab}/plain/rotate`, { overlapHours: '0' });
    expect((await send(token)).status).toBe(401);
  });

  it('is deleted', async () => {
    await visitor.get(page);
    expect((await visitor.post(`${page}/delete`)).location).toBe(tab);
    expect((await service.api.get(flow.path)).status).toBe(404);
    expect((await visitor.get(page)).status).toBe(404);
  });

  it('can have any name', async () => {
    await makeFlow(service, {}, { locationId, name: 'new' });
    expect((await visitor.get(`${tab}/new`)).html).toContain('Delete new');
  });
});

describe('a template that is tried', () => {
  const sample = { ref: 'web1', event: '{"name": "<b>Ada</b>"}', results: '{"res1": {"n": 2}}' };

  it('is rendered while it is typed, and as a page where no script runs', async () => {
    await visitor.get(trialPath());
    const fields = { ...sample, template: 'Hi {{ web1.name }} {{ res1.n }}' };
    const answered = await visitor.post(trialPath(), fields, part);
    expect(answered.html).toMatch(/^<div id="template-result"/);
    expect(textOf(answered.html)).toContain('Hi <b>Ada</b> 2');
    expect(answered.html).not.toContain('<b>');
    const page = await visitor.post(trialPath(), fields);
    expect(page.html).toContain('<html');
    expect(textOf(page.html)).toContain('Hi <b>Ada</b> 2');
    expect(valueOf(page.html, 'template')).toBe(fields.template);
    expect(valueOf(page.html, 'event')).toBe(sample.event);
  });

  it('tells its mistake with its line, and what is wrong with the sample data', async () => {
    await visitor.get(trialPath());
    const wrong = await visitor.post(trialPath(), { ...sample, template: `a\r\n\r\n{{ ${hostile} }}` }, part);
    expect(textOf(wrong.html)).toContain('Line 3:');
    expect(wrong.html).not.toContain('<script');
    const unread = await visitor.post(trialPath(), { ...sample, event: '{"a" 1}', template: 'x' }, part);
    expect(textOf(unread.html)).toContain(
      'The sample request is not JSON: line 1, column 6: a colon was expected, not 1}.',
    );
    const refused = await visitor.post(trialPath(), { ...sample, results: '{"a b": 1}', template: 'x' });
    expect(refused.status).toBe(422);
    expect(textOf(refused.html)).toMatch(/The sample results must be a name/);
    const none = await visitor.post(
      trialPath(),
      { ...sample, event: '', results: '', template: 'plain' },
      part,
    );
    expect(textOf(none.html)).toContain('plain');
  });

  it('begins with the response of the flow and its last run', async () => {
    await registerWebhook(service.api, locationId, 'w', { url: receiver.url });
    const response = { body: '{{ web1.name }} {{ res1.value }}' };
    const flow = await makeFlow(service, { steps: [{ ref: 'res1', trigger: 'w' }], response }, here());
    await flow.send({ name: 'Ada' });
    const { html } = await visitor.get(`${tab}/${flow.name}`);
    expect(valueOf(html, 'template')).toBe(response.body);
    expect(JSON.parse(valueOf(html, 'event') ?? '')).toEqual({ name: 'Ada' });
    expect(JSON.parse(valueOf(html, 'results') ?? '')).toEqual({ res1: { value: '<u>res</u>' } });
  });
});

describe('app webhooks', () => {
  it('are shown with their URL under their flow and on the tab, and deleted', async () => {
    const flow = await makeFlow(service, { response: { body: '{{ props.who }}' } }, here());
    await makeFlow(service, {}, { locationId, name: 'other' });
    const app = await boundTo(service.api, locationId);
    const { body } = await app.post('/app/webhooks', { action: flow.name, props: { who: hostile } });
    const page = await visitor.get(`${tab}/${flow.name}`);
    const [url = ''] = /http[^<"]+\/apps\/[^<"]+/.exec(page.html) ?? [];
    expect((await sendTo(url)).text).toBe(hostile);
    expect(page.html).not.toContain(hostile);
    expect((await visitor.get(tab)).html).toContain(url);
    expect((await visitor.get(`${tab}/other`)).html).not.toContain('/apps/');
    const path = `/locations/${locationId}/app-webhooks/${body.uuid}/delete`;
    expect((await visitor.post(path)).location).toBe(tab);
    expect((await sendTo(url)).status).toBe(404);
    expect((await visitor.post(path)).status).toBe(404);
  });
});

describe('the debugger', () => {
  const steps = [
    { ref: 'res1', trigger: 'w', data: { name: '{{ web1.name }}' } },
    { ref: 'made', emit: { uuid: '{{ web1.id }}', action: 'create', stations: 1, customerid: 2 } },
  ];

  async function makeBoth() {
    await registerWebhook(service.api, locationId, 'w', { url: receiver.url });
    const flow = await makeFlow(service, { steps, response: { status: 202, body: hostile } }, here());
    await flow.send({ name: hostile, id: randomUUID() });
    await flow.send({ name: 'Bob', id: 'no uuid' });
    const [good, bad] = await flow.runs();
    return { flow, good, bad };
  }

  it('lists runs, by flow and by status too, a page at a time', async () => {
    const { flow, good, bad } = await makeBoth();
    const all = await visitor.get(runsPath());
    expect(textOf(all.html)).toMatch(/Failed its URL \d+ ms .* Succeeded its URL \d+ ms/);
    const failed = await visitor.get(`${runsPath()}?flow=${flow.name}&status=failed`);
    expect(failed.html).toContain(bad.id);
    expect(failed.html).not.toContain(good.id);
    expect(valueOf(failed.html, 'status')).toBe('failed');
    expect(textOf((await visitor.get(`${runsPath()}?flow=nobody`)).html)).toContain('No runs are like that.');
    for (let n = 0; n < 49; n += 1) await flow.send({ name: 'x', id: 'x' });
    const first = await visitor.get(runsPath());
    expect(first.html).not.toContain(good.id);
    const next = /href="([^"]+cursor=[^"]+)"/.exec(first.html)?.[1] ?? '';
    expect((await visitor.get(next.replaceAll('&amp;', '&'))).html).toContain(good.id);
  });

  it('shows a run in full: its input, each step with what it became and its result, its response', async () => {
    const { good } = await makeBoth();
    const { html } = await visitor.get(`${runsPath()}/${good.id}`);
    expect(html).not.toContain(hostile);
    expect(html).not.toContain('<u>');
    const text = textOf(html);
    expect(text).toContain(`"name": "${hostile}"`);
    expect(text).toContain('Step 1: res1');
    expect(text).toContain('"value": "<u>res</u>"');
    expect(text).toContain('Step 2: made');
    expect(text).toContain('status 202 · text/plain');
    expect(html).toContain(`/invocations/${good.steps[0].result.referenceId}"`);
    expect(
      (await visitor.get(`/locations/${locationId}/invocations/${good.steps[0].result.referenceId}`)).status,
    ).toBe(200);
  });

  it('says where a run failed, with the line', async () => {
    const { bad } = await makeBoth();
    const { html } = await visitor.get(`${runsPath()}/${bad.id}`);
    expect(textOf(html)).toContain('steps.made.emit.uuid: must be a UUID');
    expect(textOf(html)).toContain('It came to nothing: the flow ended here.');
    const response = { body: 'fine\n{{ range(99999) }}' };
    const flow = await makeFlow(service, { response }, { locationId, name: 'lines' });
    await flow.send();
    const [run] = await flow.runs();
    expect(run.error.line).toBe(2);
    const failed = await visitor.get(`${runsPath()}/${run.id}`);
    expect(textOf(failed.html)).toMatch(/response\.body: .*\(line 2 of the template\)/);
  });

  it('runs a flow again, and looks after the new run until it has ended', async () => {
    const { flow, good } = await makeBoth();
    await visitor.get(`${runsPath()}/${good.id}`);
    const again = await visitor.post(`${runsPath()}/${good.id}/rerun`);
    expect(again.status).toBe(303);
    expect(again.location).not.toContain(good.id);
    await endedRuns(flow, 3);
    const shown = await until('the page shows the end', async () => {
      const { html } = await visitor.get(again.location ?? '', part);
      return textOf(html).includes('Succeeded') && html;
    });
    expect(shown).toMatch(/^<div id="run"/);
    expect(shown).not.toContain('hx-trigger');
    expect(shown).toContain(`/runs/${good.id}"`);
    await service.api.delete(flow.path);
    const refused = await visitor.post(`${runsPath()}/${good.id}/rerun`);
    expect(refused.status).toBe(422);
    expect(textOf(refused.html)).toContain('The flow of this run has been deleted.');
    expect(await runsOf(service.api, locationId)).toHaveLength(3);
  });
});
