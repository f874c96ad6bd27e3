import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { boundTo, makeFlow, type TestFlow } from './flow.ts';

let service: TestService;
let flow: TestFlow;
let runPath: string;
beforeAll(async () => {
  service = await startTestService();
  flow = await makeFlow(service, { response: { body: 'hi' } }, { name: 'mine' });
  await flow.send({ secret: 'of mine' });
  const [run] = await flow.runs();
  runPath = `/v1/locations/${flow.locationId}/runs/${run.id}`;
});
afterAll(() => service.stop());

const routes: [method: 'get' | 'put' | 'post' | 'patch' | 'delete', path: () => string, scope: string][] = [
  ['get', () => flow.path, 'settings:read'],
  ['get', () => `/v1/locations/${flow.locationId}/flows`, 'settings:read'],
  ['get', () => `/v1/locations/${flow.locationId}/runs`, 'settings:read'],
  ['get', () => runPath, 'settings:read'],
  ['put', () => flow.path, 'settings:write'],
  ['patch', () => flow.path, 'settings:write'],
  ['post', () => `${flow.path}/rotate-token`, 'settings:write'],
  ['get', () => `/v1/locations/${flow.locationId}/app-webhooks`, 'settings:read'],
  ['delete', () => `/v1/locations/${flow.locationId}/app-webhooks/${flow.id}`, 'settings:write'],
  ['post', () => `${runPath}/rerun`, 'settings:write'],
  ['delete', () => flow.path, 'settings:write'],
];
const others = ['events:write', 'events:read', 'webhooks:trigger', 'metrics:read'];

describe.each(routes)('%s (%#)', (method, path, scope) => {
  it(`needs the scope ${scope}`, async () => {
    const missing = scope === 'settings:read' ? 'settings:write' : 'settings:read';
    const weak = await boundTo(service.api, flow.locationId, [...others, missing]);
    const refused = await weak[method](path(), {});
    expect(refused.status).toBe(403);
    expect(refused.body.detail).toContain(scope);
    expect((await service.api.as(undefined)[method](path(), {})).status).toBe(401);
  });

  it('answers a key of another location as if nothing was there', async () => {
    const stranger = await boundTo(service.api, await addLocation(service.api), ['admin']);
    const refused = await stranger[method](path(), { status: 'live' });
    expect(refused.status).toBe(404);
    expect(JSON.stringify(refused.body)).not.toMatch(/mine/);
    expect((await service.api.get(flow.path)).body.id).toBe(flow.id);
  });
});

it('the ids of one location lead nowhere at another', async () => {
  const elsewhere = await addLocation(service.api);
  const at = (path: string) => path.replace(flow.locationId, elsewhere);
  expect((await service.api.get(at(flow.path))).status).toBe(404);
  expect((await service.api.get(at(runPath))).status).toBe(404);
  expect((await service.api.post(`${at(runPath)}/rerun`)).status).toBe(404);
  expect((await service.api.post(`${at(flow.path)}/rotate-token`)).status).toBe(404);
});

it('a flow cannot trigger the webhook of another location', async () => {
  const elsewhere = await addLocation(service.api);
  await service.api.put(`/v1/locations/${elsewhere}/webhooks/theirs`, { url: 'https://example.com/' });
  const refused = await service.api.put(flow.path, { steps: [{ ref: 'a', trigger: 'theirs' }] });
  expect(refused.body.errors).toEqual([
    { path: 'steps.0.trigger', message: 'there is no webhook theirs at this location' },
  ]);
});
