import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf } from '../support/arrivals.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue } from '../support/venue.ts';
import { makeFlow, registerWebhook } from './flow.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const uuid = '41509791-3de8-5bb9-b4fc-a9753da95aad';

describe('a step that emits', () => {
  const emit = {
    uuid: ' {{ web1.booking }} ',
    action: '{{ "create" if web1.booked else "delete" }}',
    stations: '{{ web1.seats }}',
    customerid: '{{ web1.customer }}',
  };

  it('puts a session event into the outbox, its members in their types', async () => {
    const receiver = await running(startReceiver());
    const locationId = await addVenue(service.api, receiver.url);
    const flow = await makeFlow(
      service,
      {
        steps: [{ ref: 'made', emit }],
        response: { body: '{"sequence": {{ made.sequence }}, "status": {{ steps.made.status }}}' },
      },
      { locationId },
    );
    const said = await flow.send({ booking: uuid.toUpperCase(), booked: true, seats: '4', customer: 7685 });
    expect(JSON.parse(said.text)).toEqual({ sequence: 1, status: 202 });
    const [request] = await receiver.received(1);
    expect(request && eventsOf(request)).toEqual([
      { uuid, action: 'create', location: 'Kamen Test', stations: 4, customerid: 7685 },
    ]);
  });

  it('takes what a division makes for the whole number that it is', async () => {
    const locationId = await addLocation(service.api);
    const halved = { ...emit, stations: '{{ web1.seats / 2 }}' };
    const flow = await makeFlow(service, { steps: [{ ref: 'made', emit: halved }] }, { locationId });
    await flow.send({ booking: uuid, booked: true, seats: 8, customer: 7685 });
    const { body } = await service.api.get(`/v1/locations/${locationId}/events`);
    expect(body.items).toMatchObject([{ stations: 4, customerid: 7685 }]);
    expect((await flow.send({ booking: uuid, booked: true, seats: 7, customer: 7685 })).status).toBe(500);
  });

  it.each([
    [{ booking: 'no uuid', booked: true, seats: 1, customer: 1 }, 'uuid'],
    [{ booking: uuid, booked: true, seats: 0, customer: 1 }, 'stations'],
    [{ booking: uuid, booked: true, seats: '1.5', customer: 1 }, 'stations'],
    [{ booking: uuid, booked: true, seats: 1, customer: '9007199254740992' }, 'customerid'],
    [{ booking: uuid, booked: true, seats: 1 }, 'customerid'],
    [{ booking: '\0', booked: true, seats: 1, customer: 1 }, 'uuid'],
  ])('fails the run with %j, and says why', async (event, member) => {
    const locationId = await addLocation(service.api);
    const flow = await makeFlow(service, { steps: [{ ref: 'made', emit }] }, { locationId });
    expect((await flow.send(event)).status).toBe(500);
    const [run] = await flow.runs();
    expect(run.error).toMatchObject({
      where: `steps.made.emit.${member}`,
      message: expect.stringMatching(/^must /),
    });
    const { body } = await service.api.get(`/v1/locations/${locationId}/events`);
    expect(body.items).toEqual([]);
  });

  it('takes numbers as they are', async () => {
    const locationId = await addLocation(service.api);
    const steps = [{ ref: 'made', emit: { uuid, action: 'delete', stations: 2, customerid: 0 } }];
    const flow = await makeFlow(service, { steps }, { locationId });
    await flow.send();
    const { body } = await service.api.get(`/v1/locations/${locationId}/events`);
    expect(body.items[0]).toMatchObject({ uuid, action: 'delete', stations: 2, customerid: 0 });
  });
});

describe('a step that triggers', () => {
  it('hands over what its templates become, and later steps see the result', async () => {
    const receiver = await running(startReceiver());
    receiver.answerWith((request, response) =>
      response
        .writeHead(request.url === '/first?page=3' ? 201 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ got: request.body })),
    );
    const locationId = await addLocation(service.api);
    const hidden = { authorization: 'Bearer very-hidden-credential', 'x-trace': '' };
    const first = { url: `${receiver.url}/first`, headers: hidden, queryParams: ['page'] };
    await registerWebhook(service.api, locationId, 'first', first);
    await registerWebhook(service.api, locationId, 'second', { url: `${receiver.url}/second` });
    const flow = await makeFlow(
      service,
      {
        steps: [
          {
            ref: 'res1',
            trigger: 'first',
            data: { list: ['{{ web1.a }}', 1, true, null] },
            headers: { 'x-trace': '{{ web1.trace }}' },
            queryParams: { page: '{{ web1.page + 1 }}' },
          },
          { ref: 'res2', trigger: 'second', data: '{{ res1.got }}' },
        ],
        response: {
          body: '{{ steps.res1.status }} {{ steps.res1.error }} {{ steps.res1.referenceId }} {{ res2.got }}',
        },
      },
      { locationId },
    );
    const said = await flow.send({ a: 'x', page: 2, trace: 'trace-7' });
    const [one, two] = receiver.requests;
    expect(one).toMatchObject({ url: '/first?page=3', body: '{"list":["x",1,true,null]}' });
    expect(one?.headers).toMatchObject({ 'x-trace': 'trace-7', authorization: hidden.authorization });
    expect(two?.body).toBe(one?.body);
    const [status, error, referenceId, ...rest] = said.text.split(' ');
    expect([status, error?.toLowerCase(), rest.join(' ')]).toEqual(['201', 'false', one?.body]);
    const invocation = await service.api.get(`/v1/locations/${locationId}/invocations/${referenceId}`);
    expect(invocation.body).toMatchObject({
      outcome: 'answered',
      key: { id: flow.id, name: 'flow book-session' },
    });
  });

  it.each([
    ['answers 500', 500],
    ['hangs up', 0],
  ])('goes on when the third party %s, and later steps see that', async (_, status) => {
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) =>
      status === 0 ? response.destroy() : response.writeHead(status).end(),
    );
    const locationId = await addLocation(service.api);
    await registerWebhook(service.api, locationId, 'ill', { url: receiver.url });
    const steps = [{ ref: 'res1', trigger: 'ill' }];
    const body = '{% if steps.res1.error %}failed with {{ steps.res1.status }}{% endif %}';
    const flow = await makeFlow(service, { steps, response: { body } }, { locationId });
    expect((await flow.send()).text).toBe(`failed with ${status}`);
    expect((await flow.runs())[0]).toMatchObject({ status: 'succeeded' });
  });

  it('fails the run when what it hands over does not fit the registration, or there is none any more', async () => {
    const receiver = await running(startReceiver());
    const locationId = await addLocation(service.api);
    const dataSchema = { type: 'object', properties: { n: { const: 'one' } } };
    await registerWebhook(service.api, locationId, 'strict', { url: receiver.url, dataSchema });
    const steps = [{ ref: 'res1', trigger: 'strict', data: { n: '{{ web1.n }}' } }];
    const flow = await makeFlow(service, { steps }, { locationId });
    expect((await flow.send({ n: 'two' })).status).toBe(500);
    expect((await flow.send({ n: 'one' })).status).toBe(200);
    await service.api.delete(`/v1/locations/${locationId}/webhooks/strict`);
    expect((await flow.send({ n: 'one' })).status).toBe(500);
    const [misfit, , unknown] = await flow.runs();
    expect(misfit.error).toMatchObject({ where: 'steps.res1', message: expect.stringContaining('data.n') });
    expect(unknown.error).toMatchObject({
      where: 'steps.res1',
      message: expect.stringContaining('no webhook'),
    });
    expect(receiver.requests).toHaveLength(1);
  });

  it('cannot smuggle a header in, nor replace a hidden one', async () => {
    const receiver = await running(startReceiver());
    const locationId = await addLocation(service.api);
    await registerWebhook(service.api, locationId, 'w', {
      url: receiver.url,
      headers: { 'x-a': '', 'x-b': 'hidden' },
    });
    const flow = await makeFlow(
      service,
      { steps: [{ ref: 'res1', trigger: 'w', headers: { 'x-a': '{{ web1 }}' } }] },
      { locationId },
    );
    expect((await flow.send('a\r\nx-b: mine')).status).toBe(500);
    await service.api.put(flow.path, {
      status: 'live',
      steps: [{ ref: 'res1', trigger: 'w', headers: { 'x-a': '1', 'x-b': 'mine' } }],
    });
    expect((await flow.send('x')).status).toBe(500);
    expect(receiver.requests).toEqual([]);
  });

  it('reaches an endpoint and a third party in one flow, in the order of its steps', async () => {
    const receiver = await running(startReceiver());
    const locationId = await addLocation(service.api);
    await addEndpoint(service.api, locationId, `${receiver.url}/events`);
    await registerWebhook(service.api, locationId, 'w', { url: `${receiver.url}/third` });
    const emit = { uuid, action: 'create', stations: 1, customerid: 1 };
    const steps = [
      { ref: 'asked', trigger: 'w' },
      { ref: 'made', emit },
    ];
    const flow = await makeFlow(service, { steps }, { locationId });
    await flow.send();
    expect((await receiver.received(2)).map((request) => request.url)).toEqual(['/third', '/events']);
  });
});

describe('many templates together', () => {
  it('cannot become more than a bound, and others are answered meanwhile', async () => {
    const flow = await makeFlow(service, {});
    await registerWebhook(service.api, flow.locationId, 'w', { url: 'http://127.0.0.1:9/' });
    const steps = [{ ref: 'res1', trigger: 'w', ...many(9000, '{{ web1 }}') }];
    await service.api.put(flow.path, { status: 'live', steps });
    expect((await flow.send('x'.repeat(200_000))).status).toBe(500);
    const [run] = await flow.runs();
    expect(run.error.message).toBe('The templates of this flow become too long together.');
  });

  it('cannot take longer than a bound', async () => {
    const flow = await makeFlow(service, {});
    await registerWebhook(service.api, flow.locationId, 'w', { url: 'http://127.0.0.1:9/' });
    const slow = '{% for i in range(900) %}{% for j in range(90) %}{{ i * j }}{% endfor %}{% endfor %}';
    await service.api.put(flow.path, {
      status: 'live',
      steps: [{ ref: 'res1', trigger: 'w', ...many(500, slow) }],
    });
    const running = flow.send();
    const first = await Promise.race([running, service.api.get('/healthz')]);
    expect(first).toHaveProperty('body');
    expect((await running).status).toBe(500);
    const [run] = await flow.runs();
    expect(run.error.message).toMatch(/together|too/);
  });
});

const many = (count: number, template: string) => ({ data: Array.from({ length: count }, () => template) });
