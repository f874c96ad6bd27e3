import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { readConfig } from './config.ts';
import { startService } from './service.ts';

/** Shows Bellhop at work: the service on an empty database, a receiver, a location, two events; then stays up. */
async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bellhop-demo-'));
  say('Starting Bellhop on an empty embedded PostgreSQL ...');
  const service = await startService(
    readConfig({
      HOST: process.env['HOST'],
      PORT: process.env['PORT'] ?? (await findPort(8080)),
      DATA_DIR: dataDir,
      DELIVERY_ALLOW_CIDRS: '127.0.0.0/8',
      LOG_LEVEL: 'warn',
    }),
  );
  const receiver = await startReceiver();
  stopOnSignal(async () => {
    await service.stop();
    await receiver.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const { key, signInUrl } = service.firstKey ?? { key: '', signInUrl: service.url };
  const call = createClient(service.url, key);
  await call('PUT', '/v1/locations/kamen-test', { title: 'Kamen Test' });
  await call('POST', '/v1/locations/kamen-test/endpoints', { url: receiver.url });
  say('The location "Kamen Test" has an endpoint: a small receiver in this process.\n');

  const session = { uuid: randomUUID(), locationId: 'kamen-test', stations: 1, customerid: 7685 };
  for (const action of ['create', 'delete'] as const) {
    const received = receiver.next();
    await call('POST', '/v1/events', { ...session, action });
    show(action, await received, await acceptedAt(call, session.uuid));
  }
  sayHowToGoOn(service.url, key, signInUrl, session.uuid);
  await service.failed;
}

type Received = {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  receivedAt: number;
};

async function startReceiver() {
  const waiting: ((request: Received) => void)[] = [];
  const server = createServer((request, response) => {
    const receivedAt = Date.now();
    const { method = '', url = '', headers } = request;
    response.writeHead(204);
    void text(request).then((body) =>
      response.end(() => waiting.shift()?.({ method, url, headers, body, receivedAt })),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/hooks/vr`,
    /** The next request that comes in. */
    next: () => new Promise<Received>((resolve) => waiting.push(resolve)),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The preferred port, or any other when it is taken. */
async function findPort(preferred: number): Promise<string> {
  const server = createServer().listen(preferred, '127.0.0.1');
  const isFree = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!isFree) return '0';
  server.close();
  await once(server, 'close');
  return String(preferred);
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string')
    throw new Error('The receiver does not listen on a port.');
  return address.port;
}

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

function createClient(url: string, key: string): Call {
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok)
      throw new Error(`${method} ${path} answered ${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  };
}

const eventsSchema = z.object({ items: z.array(z.object({ acceptedAt: z.iso.datetime() })) });

async function acceptedAt(call: Call, uuid: string): Promise<number> {
  const { items } = eventsSchema.parse(await call('GET', `/v1/locations/kamen-test/events?uuid=${uuid}`));
  return Date.parse(items.at(-1)?.acceptedAt ?? '');
}

function show(action: string, { method, url, headers, body, receivedAt }: Received, accepted: number): void {
  say(
    `A session was ${action}d. ${Math.max(0, receivedAt - accepted)} ms after it was accepted, the receiver got:\n`,
  );
  say(`    ${method} ${url}`);
  for (const [name, value] of Object.entries(headers)) say(`    ${name}: ${String(value)}`);
  say(`\n    ${body}\n`);
}

function sayHowToGoOn(url: string, key: string, signInUrl: string, uuid: string): void {
  say(`Bellhop stays up until you press Ctrl-C. Open the page, by a link that works once:

    ${signInUrl}

Or go on with:

    export KEY='${key}'
    curl -H "Authorization: Bearer $KEY" ${url}/v1/locations/kamen-test/deliveries
    curl -H "Authorization: Bearer $KEY" '${url}/v1/locations/kamen-test/events?uuid=${uuid}'
    curl -H "Authorization: Bearer $KEY" ${url}/v1/locations/kamen-test/stats

  API      ${url}/v1
  OpenAPI  ${url}/openapi.json
  Health   ${url}/healthz, ${url}/readyz
`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function stopOnSignal(stop: () => Promise<void>): void {
  let isStopping = false;
  const stopOnce = () => {
    if (isStopping) return;
    isStopping = true;
    stop().then(() => process.exit(0), fail);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stopOnce);
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

await main().catch(fail);
