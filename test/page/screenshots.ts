import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
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

// Takes the pictures of docs/page.md anew: npx tsx test/page/screenshots.ts

const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const adminKey = 'screenshots-'.repeat(4);
const good = '/locations/kamen-test';
const failing = '/locations/berlin-mitte';
const keepsFailing = '/locations/dortmund-west';

type Shot = {
  path: string;
  /** What is done before the picture is taken. */
  act?: (page: Page) => Promise<void>;
  /** Whether the whole page is shown, rather than as much as fits onto the screen. */
  isWhole?: boolean;
};

/** The pictures by the names of their files. */
function listShots({ deliveryId, sessionId, displayId, runId }: Made): Record<string, Shot> {
  return {
    locations: { path: '/locations' },
    'overview-good': { path: good },
    'overview-failing': { path: failing },
    'keeps-failing': { path: keepsFailing },
    'failing-choice': { path: `${keepsFailing}/webhooks`, act: showEnd },
    'overview-empty': { path: '/locations/new-venue' },
    webhooks: { path: `${failing}/webhooks` },
    'webhook-refused': { path: `${good}/webhooks/new`, act: enterPrivateUrl },
    'webhook-secret': { path: `${good}/webhooks/new`, act: addWebhook },
    'webhook-test': { path: `${failing}/webhooks/${displayId}`, act: sendTest },
    deliveries: { path: `${failing}/deliveries` },
    delivery: { path: `${failing}/deliveries/${deliveryId}`, isWhole: true },
    session: { path: `${failing}/sessions?uuid=${sessionId}` },
    resend: { path: `${failing}/resend`, act: countRange },
    'api-key': { path: `${good}/api/new`, act: makeKey },
    audit: { path: `${good}/audit` },
    'registered-webhooks': { path: `${good}/registered-webhooks` },
    flows: { path: `${good}/flows` },
    run: { path: `${good}/runs/${runId}`, isWhole: true },
  };
}

async function showEnd(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'When a webhook keeps failing' }).scrollIntoViewIfNeeded();
}

async function enterPrivateUrl(page: Page): Promise<void> {
  await page.getByLabel('URL').fill('http://192.168.1.20/hooks');
  await page.getByRole('button', { name: 'Add the webhook' }).click();
  await page.locator('#url-mistake').waitFor();
}

async function addWebhook(page: Page): Promise<void> {
  await page.getByLabel('URL').fill('https://lights.example.com/hooks/vr');
  await page.getByLabel('Description').fill('The lights of the arena');
  await page.getByRole('button', { name: 'Add the webhook' }).click();
  await page.locator('.secret').waitFor();
}

async function sendTest(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send test' }).click();
  await page.locator('#test-result .outcome').waitFor();
}

/** As a field for a time takes it. */
function toMinute(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

async function countRange(page: Page): Promise<void> {
  const failing = page.getByRole('option', { name: 'crm.example.net' });
  await page.getByLabel('Webhook').selectOption(await failing.getAttribute('value'));
  await page.getByLabel('From').fill(toMinute(Date.now() - 24 * 3_600_000));
  await page.getByLabel('To', { exact: true }).fill(toMinute(Date.now()));
  await page.getByRole('button', { name: 'Count' }).click();
  await page.getByRole('button', { name: /^Resend/ }).waitFor();
}

async function makeKey(page: Page): Promise<void> {
  await page.getByLabel('Name').fill('Booking page');
  await page.getByLabel('Read events').check();
  await page.getByRole('button', { name: 'Make the key' }).click();
  await page.locator('.secret').waitFor();
}

/** The ids of what is shown. */
type Made = { deliveryId: string; sessionId: string; displayId: string; runId: string };

async function findMade(api: Api, receiverUrl: string): Promise<Made> {
  const { id: displayId } = await addEndpoint(api, 'berlin-mitte', `${receiverUrl}/display`, {
    description: 'A display in the hall, in our own network',
  });
  const lost = await api.get('/v1/locations/berlin-mitte/deliveries?outcome=timed_out&limit=1');
  const [{ id: deliveryId, firstSequence }] = lost.body.items;
  const events = await api.get(`/v1/locations/berlin-mitte/events?after=${firstSequence - 1}&limit=1`);
  const runs = await api.get('/v1/locations/kamen-test/runs?status=failed');
  return { deliveryId, sessionId: events.body.items[0].uuid, displayId, runId: runs.body.items[0].id };
}

type Look = { suffix: string; options: BrowserContextOptions; names?: string[] };

/** How the pictures are taken, and which, where not all are. */
const looks: Look[] = [
  { suffix: '', options: { viewport: desktop, colorScheme: 'light' } },
  {
    suffix: '-dark',
    options: { viewport: desktop, colorScheme: 'dark' },
    names: ['overview-failing', 'deliveries'],
  },
  {
    suffix: '-phone',
    options: { viewport: phone, colorScheme: 'dark' },
    names: ['overview-failing', 'keeps-failing', 'webhook-test', 'deliveries', 'api-key'],
  },
];

async function take(browser: Browser, url: string, shots: Record<string, Shot>, look: Look): Promise<void> {
  const { suffix, options, names = ['sign-in', ...Object.keys(shots)] } = look;
  const { page, open, signIn, check, close } = await openTab(browser, url, options);
  const save = (name: string, fullPage = false) =>
    page.screenshot({ path: `${folder}${name}${suffix}.png`, fullPage });
  await open('/sign-in');
  if (names.includes('sign-in')) await save('sign-in');
  await signIn(adminKey);
  for (const [name, { path, act, isWhole }] of Object.entries(shots)) {
    if (!names.includes(name)) continue;
    await open(path);
    await act?.(page);
    await save(name, isWhole);
  }
  await close();
  check();
}

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
const browser = await launchBrowser();
try {
  const api = createApi(service.url, adminKey);
  await makeVenuesInUse({ url: service.url, api }, server.url, receiver);
  const shots = listShots(await findMade(api, receiver.url));
  await mkdir(folder, { recursive: true });
  for (const look of looks) await take(browser, service.url, shots, look);
} finally {
  await browser.close();
  await service.stop();
  await receiver.stop();
  await server.stop();
}
