import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { dumpDatabase } from '../db/dump.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import type { ServiceProcess } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addLocation, handOver, newEvent } from '../support/venue.ts';

/** A text that is found wherever it turns up. */
const canary = (what: string) => `canary-${what}-${randomBytes(18).toString('base64url')}`;

type Call = { key?: string | undefined; body?: unknown; headers?: Record<string, string> };
type Said = { status: number; text: string; about: string };

/** A service that tells its log everything, and all that it ever answered. */
class Witness {
  readonly answers: Said[] = [];
  readonly secrets = new Map<string, string>();
  readonly #service: ServiceProcess;
  readonly #adminKey: string;

  constructor(service: ServiceProcess, adminKey: string) {
    this.#service = service;
    this.#adminKey = adminKey;
  }

  /** Takes note of a secret that we chose. */
  keep(what: string, secret = canary(what)): string {
    this.secrets.set(what, secret);
    return secret;
  }

  /** Sends a request. A body that is a text goes as it is. */
  async ask(
    method: string,
    path: string,
    { key = this.#adminKey, body, headers = {} }: Call = {},
  ): Promise<Said> {
    const said = await this.#send(method, path, { key, body, headers });
    this.answers.push(said);
    return said;
  }

  /** Sends a request whose answer shows a new secret, this once. */
  async reveal(what: string, member: string, [method, path, call]: [string, string, Call]) {
    const said = await this.#send(method, path, { key: this.#adminKey, ...call });
    const answer = JSON.parse(said.text);
    if (typeof answer[member] !== 'string') throw new Error(`No ${member}: ${said.text}`);
    this.keep(what, answer[member]);
    this.answers.push({ ...said, text: said.text.replace(answer[member], '') });
    return answer;
  }

  async #send(method: string, path: string, { key, body, headers }: Call): Promise<Said> {
    const response = await fetch(this.#service.url + path, {
      method,
      headers: {
        ...(key && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined &&
        method !== 'GET' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await textOf(response);
    const shown = [...response.headers].map((pair) => pair.join(': ')).join('\n');
    return {
      status: response.status,
      text: `${text}${response.status === 200 || response.status === 201 ? '' : shown}`,
      about: `${method} ${path.replace(/\?.*/, '')}`,
    };
  }

  /** @returns where a secret is in what was answered or logged, or is stored. */
  leaks(stored: string): string[] {
    const said = [
      ...this.answers.map(({ about, text }) => `${about}: ${text}`),
      ...this.#service.log,
      ...stored.split('\n').map((row) => `stored: ${row}`),
    ];
    return [...this.secrets].flatMap(([what, secret]) =>
      said
        .filter((line) => formsOf(secret).some((form) => line.includes(form)))
        .map((line) => `${what} in ${line}`),
    );
  }
}

/** What was answered; of a stream, which goes on for ever, nothing. */
async function textOf(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'text/event-stream') return response.text();
  await response.body?.cancel();
  return '';
}

/** How a secret may look where it should not be. */
const formsOf = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
];

const adminKey = canary('admin-key');
const encryptionKey = randomBytes(32).toString('base64');
/** Routes whose bodies are data, which runs and invocations show. */
const keepsWhatItIsHanded = /^\/apps\/|\/trigger$/;
const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };

describe('a secret', { timeout: 90_000 }, () => {
  let stage: Stage;
  let service: ServiceProcess;
  let receiver: Receiver;
  let witness: Witness;

  test('is shown by the answer that makes it, and never again: by no route, error or log line', async () => {
    await start();
    const { path, endpoint, hook } = await makeSecrets();
    const { body: described } = await service.api.get('/openapi.json');
    const ids = await idsOf(path, endpoint.id, hook);
    const paths: Record<string, Record<string, { parameters?: { in: string }[] }>> = described.paths;

    const unread: string[] = [];
    for (const [route, methods] of Object.entries(paths))
      for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
        // Secrets where they do not belong, and then everything that there is to read.
        for (const call of method === 'DELETE' || keepsWhatItIsHanded.test(route) ? [] : misuses(ids))
          await witness.ask(method, fill(route, ids), call);
        const key = route.startsWith('/app/') ? ids['ownKey'] : adminKey;
        const { status } =
          method === 'GET' ? await witness.ask('GET', fill(route, ids), { key }) : { status: 200 };
        if (status !== 200) unread.push(`${route}: ${status}`);
      }
    expect(unread).toEqual([]);
    await misplace(path, endpoint.id);
    await misdirect(ids);
    await witness.ask('DELETE', `${path}/flows/open`);
    await witness.ask('DELETE', `/app/webhooks/${ids['webhookUuid']}`, { key: ids['ownKey'] });
    await witness.ask('DELETE', path);
    await witness.ask('GET', '/v1/audit?limit=1000');

    expect(witness.answers.some(({ text }) => text.includes('••••••'))).toBe(true);
    expect(service.log.length).toBeGreaterThan(100);
    await service.end('SIGTERM');
    expect(witness.leaks(await dumpDatabase(stage.databaseUrl))).toEqual([]);
  });

  test('is not in the log when the database refuses what holds it', async () => {
    await start();
    const { path, hook } = await makeSecrets();
    for (const table of [
      'endpoints',
      'webhooks',
      'flows',
      'api_keys',
      'app_webhooks',
      'locations',
      'audit',
      'events',
    ])
      await stage.sql.unsafe(`alter table ${table} add constraint refused check (false) not valid`);
    const url = `https://example.com/${witness.keep('url path')}`;
    const headers = { 'x-key': witness.keep('header value') };
    const location = path.slice('/v1/locations/'.length);
    const props = { secret: witness.keep('props') };
    const calls: [string, string, Call][] = [
      ['POST', `${path}/endpoints`, { body: { url, headers } }],
      ['PUT', `${path}/webhooks/hook`, { body: { url, headers, sign: true } }],
      ['PUT', `${path}/flows/flow`, { body: { signingSecret: `whsec_${'B'.repeat(32)}` } }],
      ['POST', '/v1/keys', { body: { name: 'x', scopes: ['admin'] } }],
      ['POST', '/app/webhooks', { key: hook, body: { action: 'open', props } }],
      ['PUT', '/v1/locations/new', { body: { title: witness.keep('title') } }],
      ['POST', '/v1/events', { body: newEvent(location, { customerid: 4_815_162_342 }) }],
    ];
    witness.keep('customer', '4815162342');
    for (const [method, target, call] of calls) {
      const { status } = await witness.ask(method, target, call);
      expect([method, target, status]).toEqual([method, target, 500]);
    }
    await service.end('SIGTERM');
    expect(service.log.join('\n')).toContain('violates check constraint');
    expect(witness.leaks('')).toEqual([]);
  });

  async function start(): Promise<void> {
    stage = await setStage();
    receiver = await running(startReceiver());
    // A third party that repeats all that it was sent.
    receiver.answerWith((request, response) =>
      response.writeHead(500, { 'x-echo': 'echo' }).end(JSON.stringify([request.headers, request.url])),
    );
    service = await stage.spawn({
      BELLHOP_ADMIN_KEY: adminKey,
      BELLHOP_ENCRYPTION_KEY: encryptionKey,
      LOG_LEVEL: 'trace',
    });
    witness = new Witness(service, adminKey);
    witness.keep('admin key', adminKey);
    witness.keep('encryption key', encryptionKey);
  }

  /** One of every kind. `hook` is a key of the location. */
  async function makeSecrets() {
    const api = service.api.as(adminKey);
    const location = await addLocation(api);
    const path = `/v1/locations/${location}`;
    const headers = {
      'x-key': witness.keep('endpoint header'),
      authorization: witness.keep('endpoint authorization'),
    };
    const made = { url: receiver.url, headers };
    const endpoint = await witness.reveal('endpoint secret', 'secret', [
      'POST',
      `${path}/endpoints`,
      { body: made },
    ]);
    await witness.reveal('rotated secret', 'secret', [
      'POST',
      `${path}/endpoints/${endpoint.id}/rotate-secret`,
      {},
    ]);
    const hidden = { 'x-key': witness.keep('webhook header') };
    const hook = { url: receiver.url, headers: hidden, sign: true, recordBodies: true };
    await witness.reveal('webhook secret', 'secret', ['PUT', `${path}/webhooks/hook`, { body: hook }]);
    const { url: link } = await witness.reveal('portal link', 'url', ['POST', `${path}/portal-links`, {}]);
    const pathOfLink = new URL(link).pathname;
    witness.keep('end of the portal link', pathOfLink.replace('/sign-in/', ''));
    const followed = await fetch(service.url + pathOfLink, { redirect: 'manual' });
    expect(followed.status).toBe(303);
    const [cookie = ''] = followed.headers.getSetCookie();
    witness.keep('session', /=([^;]*)/.exec(cookie)?.[1]);
    await fetch(`${service.url}${path.replace('/v1', '')}`, { headers: { cookie } });
    const signingSecret = `whsec_${randomBytes(24).toString('base64')}`;
    witness.keep('signing secret', signingSecret);
    const steps = [{ ref: 'res1', trigger: 'hook', data: {} }];
    const flow = { steps, response: { body: '{{ res1|tojson }}' } };
    await witness.reveal('flow token', 'token', ['PUT', `${path}/flows/flow`, { body: flow }]);
    await witness.reveal('rotated token', 'token', ['POST', `${path}/flows/flow/rotate-token`, {}]);
    await witness.ask('PUT', `${path}/flows/signed`, { body: { auth: 'none', signingSecret } });
    await witness.ask('PUT', `${path}/flows/open`, { body: { auth: 'none', ...flow } });
    const key = { name: 'Own', scopes: ['admin'], locationId: location };
    const { key: own } = await witness.reveal('own key', 'key', ['POST', '/v1/keys', { body: key }]);
    await witness.reveal('weak key', 'key', [
      'POST',
      '/v1/keys',
      { body: { name: 'Weak', scopes: ['metrics:read'], locationId: location } },
    ]);
    return { path, endpoint, hook: String(own) };
  }

  /** Lets everything happen once. @returns what the paths of all routes are filled with. */
  async function idsOf(path: string, endpointId: string, ownKey: string): Promise<Record<string, string>> {
    const api = service.api.as(adminKey);
    const location = path.slice('/v1/locations/'.length);
    await handOver(api, newEvent(location));
    await witness.ask('POST', `${path}/endpoints/${endpointId}/test`);
    const delivery = await until('a delivery has failed', async () => {
      const { body } = await api.get(`${path}/deliveries?outcome=failed`);
      return body.items.find((item: { test: boolean }) => !item.test)?.id;
    });
    await witness.ask('POST', `${path}/deliveries/${delivery}/resend`);
    const resent = await witness.ask('POST', `${path}/endpoints/${endpointId}/resend`, { body: range });
    const triggered = await witness.ask('POST', `${path}/webhooks/hook/trigger`, {
      body: { data: { a: 1 } },
    });
    const { referenceId } = JSON.parse(triggered.text);
    const flow = await api.get(`${path}/flows/flow`);
    const token = witness.secrets.get('rotated token');
    await witness.ask('POST', flow.body.url, { key: token, body: {} });
    const { body: signed } = await api.get(`${path}/flows/signed`);
    await witness.ask('POST', signed.url, { body: {} });
    const { body: app } = await api.as(ownKey).post('/app/webhooks', { action: 'open', props: {} });
    const { body: about } = await api.get(path);
    await witness.ask('POST', `/apps/${about.uuid}/webhooks/${app.uuid}`, { key: '', body: {} });
    const { body: runs } = await api.get(`${path}/runs`);
    await witness.ask('POST', `${path}/runs/${runs.items[0].id}/rerun`);
    const ids = {
      endpointId,
      deliveryId: delivery,
      webhookId: 'hook',
      resendId: /[0-9a-f-]{36}/.exec(resent.text)?.[0] ?? '',
      referenceId,
      name: 'flow',
      runId: runs.items[0].id,
    };
    return { ...ids, id: location, flowId: flow.body.id, webhookUuid: app.uuid, appUuid: about.uuid, ownKey };
  }

  /** Secrets as whole bodies, as members of any name, as JSON that is none, as queries, and as keys of another kind. */
  function misuses(ids: Record<string, string>): Call[] {
    const [secret = '', token = ''] = ['endpoint secret', 'flow token'].map((what) =>
      witness.secrets.get(what),
    );
    const members = [
      'url',
      'headers',
      'secret',
      'title',
      'name',
      'steps',
      'action',
      'locationId',
      'from',
      'data',
    ];
    return [
      { body: `{"headers": {"x-key": "${secret}"}` },
      { body: `"${secret}"` },
      { body: Object.fromEntries(members.map((member) => [member, { [member]: secret }])) },
      { body: Object.fromEntries(members.map((member) => [member, `${secret}\u0000`])) },
      { body: secret, headers: { 'content-type': 'text/plain' } },
      { key: token, body: {} },
      { key: `${adminKey}x`, body: {} },
      { key: '', headers: { authorization: `Basic ${adminKey}` }, body: {} },
      { key: witness.secrets.get('weak key'), body: {} },
      { key: ids['ownKey'], headers: { 'content-encoding': 'gzip' }, body: secret },
    ];
  }

  /** Secrets in members that are checked, and said to be wrong. */
  async function misplace(path: string, endpointId: string): Promise<void> {
    const password = witness.keep('password in a URL');
    const value = witness.keep('broken header');
    const urls = [
      `https://user:${password}@example.com/`,
      `ftp://${password}/`,
      `https://10.0.0.1/${password}`,
    ];
    for (const url of [...urls, `https://${password}.local/?${password}`]) {
      await witness.ask('PATCH', `${path}/endpoints/${endpointId}`, { body: { url } });
      await witness.ask('PUT', `${path}/webhooks/other`, { body: { url } });
    }
    for (const headers of [
      { 'x-key': `${value}\n` },
      { 'x-key': [value] },
      { host: value },
      { a: value, A: value },
    ]) {
      await witness.ask('PATCH', `${path}/endpoints/${endpointId}`, { body: { headers } });
      await witness.ask('PUT', `${path}/webhooks/other`, { body: { url: receiver.url, headers } });
    }
    await witness.ask('PUT', `${path}/flows/other`, { body: { signingSecret: `whsec_${value}` } });
    await witness.ask('GET', `${path}/deliveries?cursor=${value}&token=${password}`);
    await witness.ask('GET', `/v1/audit?actorId=${value}`);
  }

  /** URLs that are secrets, sent with the wrong method, by the wrong key, or mistyped. */
  async function misdirect(ids: Record<string, string>): Promise<void> {
    const { webhookUuid = '', appUuid = '', flowId = '' } = ids;
    const weak = witness.secrets.get('weak key');
    const seen = service.log.length;
    await witness.ask('DELETE', `/app/webhooks/${webhookUuid}`, { key: weak });
    await witness.ask('GET', `/app/webhooks/${webhookUuid}`);
    await witness.ask('PUT', `/apps/${appUuid}/webhooks/${webhookUuid}`, { body: {} });
    await witness.ask('POST', `/apps/${appUuid}/webhook/${webhookUuid}`, { body: {} });
    await witness.ask('POST', `/APPS/${appUuid}/webhooks/${webhookUuid}`, { body: {} });
    await witness.ask('POST', `/v1/flow-webhooks/${flowId}`, { body: {} });
    await witness.ask('POST', `/v1/flow-webhook/${randomUUID()}/${flowId}`, { body: {} });
    const lines = await until('all are logged', async () => {
      const logged = service.log.slice(seen).filter((line) => line.includes('request answered'));
      return logged.length >= 7 && logged;
    });
    for (const line of lines) for (const id of [webhookUuid, flowId]) expect(line).not.toContain(id);
  }
});

function fill(route: string, ids: Record<string, string>): string {
  return route.replaceAll(/\{(\w+)\}/g, (_all, member: string) => ids[member] ?? member);
}
