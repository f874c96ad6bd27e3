import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';
import { makeFlow, sendTo, type TestFlow } from './flow.ts';

let service: TestService;
let flow: TestFlow;
let other: TestFlow;
beforeAll(async () => {
  service = await startTestService();
  flow = await makeFlow(service, { response: { body: 'ran' } });
  other = await makeFlow(service, { response: { body: 'ran' } });
});
afterAll(() => service.stop());

type Attempt = { url: string; authorization: string | undefined };
const attempts: [string, () => Attempt][] = [
  ['an unknown flow', () => ({ ...own(), url: `${service.url}/v1/flow-webhook/${randomUUID()}` })],
  ['an id that is no UUID', () => ({ ...own(), url: `${service.url}/v1/flow-webhook/x%00' or 1=1` })],
  ['no token', () => ({ ...own(), authorization: undefined })],
  ['a wrong token', () => ({ ...own(), authorization: `Bearer ${'x'.repeat(60)}` })],
  ['an empty token', () => ({ ...own(), authorization: 'Bearer' })],
  ['bearer in lower case', () => ({ ...own(), authorization: `bearer ${flow.token}` })],
  ['BEARER in upper case', () => ({ ...own(), authorization: `BEARER ${flow.token}` })],
  ['two spaces', () => ({ ...own(), authorization: `Bearer  ${flow.token}` })],
  ['a tab', () => ({ ...own(), authorization: `Bearer\t${flow.token}` })],
  ['a space and more after it', () => ({ ...own(), authorization: `Bearer ${flow.token} ,` })],
  ['a comma and another', () => ({ ...own(), authorization: `Bearer ${flow.token}, Bearer x` })],
  ['no scheme', () => ({ ...own(), authorization: flow.token })],
  ['basic authentication', () => ({ ...own(), authorization: `Basic ${btoa(`:${flow.token}`)}` })],
  ['the beginning of the token', () => ({ ...own(), authorization: `Bearer ${flow.token.slice(0, -1)}` })],
  ['the token and more', () => ({ ...own(), authorization: `Bearer ${flow.token}x` })],
  ['the token in other case', () => ({ ...own(), authorization: `Bearer ${flow.token.toUpperCase()}` })],
  ['the token of another flow', () => ({ ...own(), authorization: `Bearer ${other.token}` })],
];

describe('a flow with a token', () => {
  it('runs with it', async () => {
    expect((await flow.send()).text).toBe('ran');
  });

  it.each(attempts)('answers %s as any other without it', async (_, attempt) => {
    const reference = await refused({ ...own(), authorization: undefined });
    expect(await refused(attempt())).toEqual(reference);
    expect(reference).toMatchObject({
      status: 401,
      text: expect.stringContaining(
        '"detail":"Send the token of this flow: `Authorization: Bearer <token>`."',
      ),
    });
    expect(reference.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'Bearer',
    });
  });

  it('tells nobody whether it is there, live or paused', async () => {
    const paused = await makeFlow(service, { status: 'paused' });
    const unknown = await refused({
      url: `${service.url}/v1/flow-webhook/${randomUUID()}`,
      authorization: undefined,
    });
    expect(await refused({ url: paused.url, authorization: undefined })).toEqual(unknown);
  });

  it('has stored no run of all that', async () => {
    expect(await flow.runs()).toHaveLength(1);
  });
});

it('a flow with `auth` "none" runs for anybody who knows its URL, also with a token that is not its own', async () => {
  const open = await makeFlow(service, { auth: 'none', response: { body: 'ran' } });
  expect(open.token).toBeUndefined();
  expect((await sendTo(open.url)).text).toBe('ran');
  expect((await sendTo(open.url, {}, { authorization: `Bearer ${flow.token}` })).text).toBe('ran');
  const { body } = await service.api.get(open.path);
  expect(body.tokenHint).toBeNull();
});

it('a flow runs as a draft and live', async () => {
  const draft = await makeFlow(service, { status: 'draft', response: { body: 'ran' } });
  expect((await draft.send()).text).toBe('ran');
});

it('a deleted flow answers as an unknown one', async () => {
  const gone = await makeFlow(service, {});
  const reference = await refused({ ...own(), authorization: undefined });
  await service.api.delete(gone.path);
  expect(await refused({ url: gone.url, authorization: `Bearer ${gone.token}` })).toEqual(reference);
});

function own(): Attempt {
  return { url: flow.url, authorization: `Bearer ${flow.token}` };
}

/** All of an answer that does not change from request to request. */
async function refused({ url, authorization }: Attempt) {
  const said = await sendTo(url, { a: 1 }, authorization === undefined ? {} : { authorization });
  const { 'x-request-id': _id, date: _date, ratelimit: _rate, ...headers } = Object.fromEntries(said.headers);
  return { status: said.status, headers, text: said.text.replace(/"requestId":"[^"]+"/, '') };
}
