import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { readConfig } from '../../src/config.ts';
import { migrate } from '../../src/db/migrate.ts';
import { startService } from '../../src/service.ts';
import { type Api, createApi } from '../support/api.ts';
import { launchBrowser } from '../support/browser.ts';
import { startServer } from '../support/postgres.ts';
import { startReceiver } from '../support/receiver.ts';
import { desktop, openTab, phone } from '../support/tab.ts';
import { addEndpoint } from '../support/venue.ts';
import { makeVenuesInUse } from '../support/venues-in-use.ts';

// Takes the pictures of docs/page.md anew, from venues that are made for it: npx tsx test/page/screenshots.ts

const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
mkdirSync(folder, { recursive: true });

type Shot = {
  path: string;
  /** What is done before the picture is taken. */
  act?: (page: Page) => Promise<unknown>;
  /** The least of the page that is shown, where the whole would be long. */
  isCut?: boolean;
};

const adminKey = 'screenshots-'.repeat(4);
const good = '/locations/kamen-test';
const failing = '/locations/berlin-mitte';

/** The pictures by the name of their file. */
function listShots({ deliveryId, sessionId, displayId, runId }: Made): Record<string, Shot> {
  return {
    locations: { path: '/locations' },
    'overview-good': { path: good },
    'overview-failing': { path: failing },
    'overview-empty': { path: '/locations/new-venue' },
    webhooks: { path: `${failing}/webhooks` },
    'webhook-refused': { path: `${good}/webhooks/new`, act: enterPrivateUrl },
    'webhook-secret': { path: `${good}/webhooks/new`, act: addWebhook },
    'webhook-test': { path: `${failing}/webhooks/${displayId}`, act: sendTest, isCut: true },
    deliveries: { path: `${failing}/deliveries`, isCut: true },
    delivery: { path: `${failing}/deliveries/${deliveryId}`, isCut: true },
    session: { path: `${failing}/sessions?uuid=${sessionId}` },
    resend: { path: `${failing}/resend`, act: countRange },
    'api-key': { path: `${good}/api/new`, act: makeKey },
    audit: { path: `${good}/audit`, isCut: true },
    'registered-webhooks': { path: `${good}/registered-webhooks` },
    'registered-webhook': { path: `${good}/registered-webhooks/check-voucher` },
    flows: { path: `${good}/flows` },
    flow: { path: `${good}/flows/voucher` },
    run: { path: `${good}/runs/${runId}` },
    runs: { path: `${good}/runs` },
  };
}

async function enterPrivateUrl(page: Page) {
  await page.getByLabel('URL').fill('http://192.168.1.20/hooks');
  await page.getByRole('button', { name: 'Add the webhook' }).click();
  await page.locator('#url-mistake').waitFor();
}

async function addWebhook(page: Page) {
  await page.getByLabel('URL').fill('https://lights.example.com/hooks/vr');
  await page.getByLabel('Description').fill('The lights of the arena');
  await page.getByRole('button', { name: 'Add the webhook' }).click();
  await page.locator('.secret').waitFor();
}

async function sendTest(page: Page) {
  await page.getByRole('button', { name: 'Send test' }).click();
  await page.locator('#test-result .outcome').waitFor();
}

async function countRange(page: Page) {
  const day = (at: number) => new Date(at).toISOString().slice(0, 16);
  await page.getByLabel('From').fill(day(Date.now() - 24 * 3_600_000));
  await page.getByLabel('To', { exact: true }).fill(day(Date.now()));
  await page.getByRole('button', { name: 'Count' }).click();
  await page.getByRole('button', { name: /^Resend/ }).waitFor();
}

async function makeKey(page: Page) {
  await page.getByLabel('Name').fill('Booking page');
  await page.getByLabel('Read events').check();
  await page.getByRole('button', { name: 'Make the key' }).click();
  await page.locator('.secret').waitFor();
}

/** What exists only once the service runs. */
type Made = { deliveryId: string; sessionId: string; displayId: string; runId: string };

async function findMade(api: Api, receiverUrl: string): Promise<Made> {
  const { id: displayId } = await addEndpoint(api, 'berlin-mitte', `${receiverUrl}/display`, {
    description: 'A display in the hall, in our own network',
    headers: { 'x-display': 'hall-1' },
  });
  const { body } = await api.get('/v1/locations/berlin-mitte/deliveries?outcome=timed_out&limit=1');
  const [delivery] = body.items;
  const events = await api.get(
    `/v1/locations/berlin-mitte/events?after=${delivery.firstSequence - 1}&limit=1`,
  );
  const runs = await api.get('/v1/locations/kamen-test/runs?status=failed');
  return {
    runId: runs.body.items[0].id,
    deliveryId: delivery.id,
    sessionId: events.body.items[0].uuid,
    displayId,
  };
}

const looks: Record<string, { options: BrowserContextOptions; names?: string[] }> = {
  '': { options: { viewport: desktop, colorScheme: 'light' } },
  '-dark': {
    options: { viewport: desktop, colorScheme: 'dark' },
    names: ['overview-failing', 'deliveries'],
  },
  '-phone': {
    options: { viewport: phone, colorScheme: 'dark' },
    names: process.env['ALL']
      ? undefined!
      : ['overview-failing', 'webhooks', 'webhook-secret', 'deliveries', 'delivery', 'api-key'],
  },
};

async function takeAll(): Promise<void> {
  const server = await startServer(undefined);
  await migrate(server.url);
  const receiver = await startReceiver();
  receiver.answerWith((_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"valid": true}'),
  );
  const service = await startService(
    readConfig({
      DATABASE_URL: server.url,
      PORT: '0',
      BELLHOP_ADMIN_KEY: adminKey,
      BELLHOP_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      DELIVERY_ALLOW_CIDRS: '127.0.0.0/8',
      LOG_LEVEL: 'error',
    }),
  );
  const api = createApi(service.url, adminKey);
  await makeVenuesInUse({ url: service.url, api }, server.url, receiver);
  const shots = listShots(await findMade(api, receiver.url));
  const browser = await launchBrowser();
  for (const [suffix, { options, names }] of Object.entries(looks)) {
    const tab = await openTab(browser, service.url, options);
    await tab.open('/sign-in');
    if (suffix === '') await tab.page.screenshot({ path: `${folder}sign-in.png` });
    await tab.signIn(adminKey);
    for (const [name, { path, act, isCut = false }] of Object.entries(shots)) {
      if (names && !names.includes(name)) continue;
      await tab.open(path);
      await act?.(tab.page);
      await tab.page.screenshot({
        path: `${folder}${name}${suffix}.png`,
        fullPage: !isCut || !!process.env['ALL'],
      });
    }
    console.log(tab.mistakes);
    await tab.close();
  }
  await browser.close();
  await service.stop();
  await receiver.stop();
  await server.stop();
}

await takeAll();
