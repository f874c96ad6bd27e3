import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { BellhopError, createClient, type TriggerResult } from '../../src/kit/client.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let locationId: string;
let api: ReturnType<typeof createClient>;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  locationId = await addLocation(service.api);
  api = createClient({ url: `${service.url}/`, key: adminKey, locationId });
  const webhooks = `/v1/locations/${locationId}/webhooks`;
  await service.api.put(`${webhooks}/get-randomapi`, {
    id: 'get-randomapi',
    url: `${receiver.url}/random`,
    method: 'GET',
    headers: {},
    queryParams: ['pageNum'],
  });
  await service.api.put(`${webhooks}/send-jpeg`, {
    id: 'send-jpeg',
    url: receiver.url,
    headers: { 'Content-Type': 'image/jpeg' },
    payload_encoding: 'base64',
  });
});
afterAll(async () => {
  await receiver.stop();
  await service.stop();
});

describe('trigger resolves', () => {
  it('with what the third party answered', async () => {
    receiver.answerWith((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"page":2}'),
    );
    const result = await api.webhooks.trigger<{ page: number }>('get-randomapi', {}, {}, { pageNum: 2 });
    expect(result).toEqual({ referenceId: expect.any(String), status: 200, data: { page: 2 }, error: false });
    expectTypeOf(result).toEqualTypeOf<TriggerResult<{ page: number }>>();
    expect(receiver.requests.at(-1)).toMatchObject({ method: 'GET', url: '/random?pageNum=2' });
  });

  it('with nothing but an id', async () => {
    expect(await api.webhooks.trigger('get-randomapi')).toMatchObject({ status: 200 });
  });

  it('with headers, and data in base64', async () => {
    await api.webhooks.trigger('send-jpeg', Buffer.from('jpeg').toString('base64'), { 'x-own': 'own' });
    const request = receiver.requests.at(-1);
    expect(request).toMatchObject({ method: 'POST', body: 'jpeg' });
    expect(request?.headers).toMatchObject({ 'content-type': 'image/jpeg', 'x-own': 'own' });
  });

  it.each([302, 404, 500])('when the third party answers %i', async (status) => {
    receiver.answerWith((_request, response) => response.writeHead(status).end('why'));
    const result = await api.webhooks.trigger('get-randomapi');
    expect(result).toMatchObject({ status, data: 'why', error: true });
  });

  it('when the third party cannot be contacted', async () => {
    const gone = await startReceiver();
    await gone.stop();
    await service.api.put(`/v1/locations/${locationId}/webhooks/gone`, { url: gone.url });
    const result = await api.webhooks.trigger('gone', 'x');
    expect(result).toEqual({ referenceId: expect.any(String), status: 0, data: null, error: true });
  });
});

/** What a trigger rejects with; nothing is sent. */
async function rejection(...args: Parameters<typeof api.webhooks.trigger>): Promise<BellhopError> {
  const seen = receiver.requests.length;
  const error: unknown = await api.webhooks.trigger(...args).catch((reason: unknown) => reason);
  expect(receiver.requests).toHaveLength(seen);
  if (!(error instanceof BellhopError)) throw new Error('It should have rejected.', { cause: error });
  return error;
}

const triggerAs = (key: string, at: string) =>
  createClient({ url: service.url, key, locationId: at }).webhooks.trigger('get-randomapi');

const failing: typeof fetch = () =>
  Promise.resolve(Response.json({ detail: 'Ours.', requestId: 'r1' }, { status: 500 }));

describe('trigger rejects, with nothing sent', () => {
  it('when the webhook is not registered, however its id is written', async () => {
    for (const id of ['nobody', '../../events', 'a b', '', '%00', 'get-randomapi?x=y']) {
      const error = await rejection(id);
      expect(error).toMatchObject({ name: 'BellhopError', status: 404, errors: [] });
    }
    const { message, requestId } = await rejection('nobody');
    expect(message).toBe('There is no webhook with this id at this location.');
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('when data, headers or query parameters do not fit', async () => {
    expect(await rejection('send-jpeg', 'not base64!')).toMatchObject({
      status: 422,
      message: 'The request has a mistake. data: must be valid base64',
      errors: [{ path: 'data', message: 'must be valid base64' }],
    });
    expect(await rejection('send-jpeg', 'YQ==', { 'content-type': 'x' })).toMatchObject({
      errors: [{ path: 'headers.content-type' }],
    });
    expect(await rejection('get-randomapi', {}, {}, { other: true })).toMatchObject({
      errors: [{ path: 'queryParams.other' }],
    });
  });

  it('when the key is wrong, or of another location', async () => {
    await expect(triggerAs('bellhop_wrong', locationId)).rejects.toMatchObject({ status: 401 });
    await expect(triggerAs(adminKey, '../events')).rejects.toMatchObject({ status: 404 });
  });

  it('when the answer is not one of Bellhop, or there is none', async () => {
    const proxy = await startReceiver();
    const lost = createClient({ url: proxy.url, key: 'x', locationId });
    proxy.answerWith((_request, response) => response.writeHead(502).end('<html>Bad gateway'));
    const error: unknown = await lost.webhooks.trigger('x').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BellhopError);
    expect(error).toMatchObject({ status: 502, message: 'Bellhop answered 502.', requestId: '', errors: [] });
    await proxy.stop();
    await expect(lost.webhooks.trigger('x')).rejects.toThrow('fetch failed');
  });

  it('when something of ours fails', async () => {
    const client = createClient({ url: service.url, key: adminKey, locationId, fetch: failing });
    await expect(client.webhooks.trigger('x')).rejects.toMatchObject({
      status: 500,
      requestId: 'r1',
      message: 'Ours.',
    });
  });
});
