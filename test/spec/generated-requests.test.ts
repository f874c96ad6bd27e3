import { randomUUID } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { endedRuns, makeFlow, registerWebhook } from '../flows/flow.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import type { Operation, Schema, Specification } from './client-source.ts';
import { breakIn, valueOf } from './values.ts';

type Described = { method: string; path: string; operation: Operation };
type Sent = { url: string; method: string; headers: Record<string, string>; body: string | null };

/** The same requests each time; a failure tells the seed and the request. */
const seed = 42;
/** Requests of each operation. */
const numRuns = 8;
/** Milliseconds: there are hundreds of requests. */
const timeout = 120_000;

let service: TestService;
let receiver: Receiver;
let specification: Specification;
let operations: Described[];
/** What there is, by the names that paths and queries have for it. */
let ids: Record<string, string>;
/** Keys by what they open. */
let keys: { own: string; weak: string };
const ajv = new Ajv2020({ strict: false, validateFormats: false });

beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  const { body } = await service.api.get('/openapi.json');
  specification = body;
  ajv.addSchema(body, 'spec');
  operations = Object.entries(specification.paths)
    .flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    )
    // What there is goes last, and the location that it is at after it.
    .toSorted((a, b) => rankOf(a) - rankOf(b));
  await makeThings();
});
afterAll(async () => {
  await receiver.stop();
  await service.stop();
});

const rankOf = ({ method, path }: Described) => (method === 'DELETE' ? 1000 - path.length : 0);

async function makeThings(): Promise<void> {
  const { api } = service;
  const id = await addLocation(api);
  const at = `/v1/locations/${id}`;
  const endpoint = await addEndpoint(api, id, receiver.url);
  const event = newEvent(id);
  await handOver(api, event);
  const deliveryId = await until('the event is delivered', async () => {
    const { body } = await api.get(`${at}/deliveries?outcome=delivered`);
    return body.items[0]?.id;
  });
  const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
  const { body: resends } = await api.post(`${endpoint.path}/resend`, range);
  const webhookId = await registerWebhook(api, id, 'random', { url: receiver.url });
  const { body: invocation } = await api.post(`${at}/webhooks/${webhookId}/trigger`, {});
  const flow = await makeFlow(service, { auth: 'none', steps: [] }, { locationId: id });
  await flow.send({});
  const [run] = await endedRuns(flow, 1);
  const makeKey = async (scopes: string[]) =>
    (await api.post('/v1/keys', { name: 'Own', scopes, locationId: id })).body.key;
  keys = { own: await makeKey(['admin']), weak: await makeKey(['metrics:read']) };
  const { body: app } = await api.as(keys.own).post('/app/webhooks', { action: flow.name });
  const { body: location } = await api.get(at);
  const known = {
    id,
    endpointId: endpoint.id,
    uuid: event.uuid,
    deliveryId,
    resendId: resends.id,
    webhookId,
    runId: run.id,
  };
  ids = {
    ...known,
    referenceId: invocation.referenceId,
    name: flow.name,
    flowId: flow.id,
    appUuid: location.uuid,
    webhookUuid: app.uuid,
  };
}

it('no generated request, right or broken, gets an answer that the specification does not have', {
  timeout,
}, async () => {
  const found: string[] = [];
  for (const described of operations) {
    const property = fc.asyncProperty(requestOf(described), async (sent) =>
      judge(described, sent, await answerTo(sent)),
    );
    const { errorInstance } = await fc.check(property, { seed, numRuns, endOnFailure: true });
    if (errorInstance instanceof Error) found.push(errorInstance.message);
  }
  expect([seed, found]).toEqual([seed, []]);
});

it('every other method is answered with 405, and those that there are', async () => {
  for (const [path, item] of Object.entries(specification.paths)) {
    const methods = Object.keys(item).map((method) => method.toUpperCase());
    const url = fill(path, ids);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
      (name) => !methods.includes(name),
    )) {
      const { status, headers } = await fetch(service.url + url, {
        method,
        headers: { authorization: `Bearer ${adminKey}` },
      });
      const allowed = headers
        .get('allow')
        ?.split(', ')
        .filter((name) => name !== 'HEAD');
      expect([method, path, status, allowed?.toSorted()]).toEqual([method, path, 405, methods.toSorted()]);
    }
  }
});

/** Requests of an operation: as it should be, or with one thing wrong. */
function requestOf({ method, path, operation }: Described): fc.Arbitrary<Sent> {
  const { schemas } = specification.components;
  const [media] = Object.entries(operation.requestBody?.content ?? {});
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  const right = fc.record({
    query: fc.record(Object.fromEntries(query.map(({ name, schema }) => [name, valueOf(schema, schemas)])), {
      requiredKeys: [],
    }),
    body: media ? valueOf(withOurUrl(media[1].schema ?? {}), schemas) : fc.constant(undefined),
  });
  const whole = right.chain((parts) => wrongs(parts));
  return whole.map(({ wrong, query: asked, body }) => {
    const names = wrong.id === undefined ? ids : { ...ids, [wrong.idName]: wrong.id };
    const search = new URLSearchParams(
      Object.entries(asked).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const text = wrong.text ?? (body === undefined ? null : JSON.stringify(body));
    return {
      method,
      url: `${service.url}${fill(path, names)}?${search.toString()}`,
      headers: {
        ...(wrong.key !== '' && { authorization: `Bearer ${wrong.key}` }),
        ...(text !== null && { 'content-type': wrong.type }),
      },
      body: media ? text : null,
    };
  });

  type Parts = { query: Record<string, unknown>; body: unknown };
  function wrongs(parts: Parts) {
    const idNames = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const nothing = {
      wrong: { id: undefined, idName: '', key: keys.own, type: 'application/json', text: undefined },
    };
    const but = (change: object) => ({ ...parts, wrong: { ...nothing.wrong, ...change } });
    return fc.oneof(
      { weight: 3, arbitrary: fc.constant(but({})) },
      { weight: 4, arbitrary: breakIn(parts.body).map((body) => ({ ...but({}), body })) },
      {
        weight: 2,
        arbitrary: breakIn(parts.query).map((asked) => ({ ...but({}), query: isRecord(asked) ? asked : {} })),
      },
      fc.constantFrom('', 'bellhop_wrong', keys.weak, adminKey).map((key) => but({ key })),
      fc
        .constantFrom('text/plain', 'application/xml', 'application/json; charset=latin1', '')
        .map((type) => but({ type })),
      fc.constantFrom('{', '', '"', `"${'x'.repeat(2 ** 20)}"`, '[[[[', 'nul').map((text) => but({ text })),
      fc
        .tuple(
          fc.constantFrom('', ...idNames),
          fc.constantFrom(randomUUIDOf, 'no', '%00', '%', 'x'.repeat(300), '…'),
        )
        .map(([idName, id]) => but({ idName, id })),
    );
  }
}

const randomUUIDOf = randomUUID();
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nothing is sent to anybody else. */
function withOurUrl(schema: Schema): Schema {
  const named = schema.$ref ? specification.components.schemas[schema.$ref.replace(/.*\//, '')] : schema;
  if (!named?.properties?.['url']) return schema;
  return { ...named, properties: { ...named.properties, url: { enum: [receiver.url] } } };
}

function fill(path: string, names: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? randomUUIDOf);
}

type Answered = { status: number; headers: Headers; text: string };

async function answerTo({ url, ...request }: Sent): Promise<Answered> {
  const response = await fetch(url, request);
  const { status, headers } = response;
  // It goes on for as long as somebody listens.
  if (headers.get('content-type') === 'text/event-stream') {
    await response.body?.cancel();
    return { status, headers, text: '' };
  }
  return { status, headers, text: await response.text() };
}

/** @throws Error that says how an answer is not as described. */
function judge(described: Described, sent: Sent, answered: Answered): void {
  const { status, headers, text } = answered;
  // Of HTTP, before there is an operation: the query is too long.
  if (status === 431) return;
  const wrong =
    whatIsWrong(described, answered) ?? (headers.has('x-request-id') ? null : 'There is no x-request-id');
  if (wrong === null) return;
  const { operationId } = described.operation;
  const answer = `${operationId} answered ${status} ${text.slice(0, 300)}`;
  throw new Error(`${wrong}: ${answer} to ${JSON.stringify(sent).slice(0, 600)}`);
}

function whatIsWrong(
  { method, path, operation }: Described,
  { status, headers, text }: Answered,
): string | null {
  // A flow that fails answers so: what is in it, the request before had generated.
  if (status === 500 && !text.includes('The flow failed.')) return 'It failed';
  const key = operation.responses[status] ? String(status) : 'default';
  const described = operation.responses[key];
  if (!described) return 'This status is not described';
  const pointer = described.$ref ?? `#/paths/${escape(path)}/${method.toLowerCase()}/responses/${key}`;
  const { content = {} } = described.$ref ? responseAt(described.$ref) : described;
  if (text === '' && Object.keys(content).length === 0) return null;
  return mistakesOf({ headers, text, content, pointer });
}

type Body = { headers: Headers; text: string; content: object; pointer: string };

function mistakesOf({ headers, text, content, pointer }: Body): string | null {
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  if (!(type in content)) return `The type ${type} is not described`;
  return type.endsWith('json') ? mistakesIn(text, `spec${pointer}/content/${escape(type)}/schema`) : null;
}

function mistakesIn(text: string, pointer: string): string | null {
  const validate = ajv.getSchema(pointer);
  if (!validate) return `There is no schema at ${pointer}`;
  return validate(JSON.parse(text)) === true ? null : ajv.errorsText(validate.errors);
}

const escape = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

function responseAt($ref: string): { content?: object } {
  const found = specification.components.responses[$ref.replace(/.*\//, '')];
  if (!found) throw new Error(`There is nothing at ${$ref}.`);
  return found;
}
