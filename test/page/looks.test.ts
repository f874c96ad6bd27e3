import { randomUUID } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { judgePage, openTab, type Tab } from '../support/tab.ts';
import { makeVenuesInUse } from '../support/venues-in-use.ts';

// Many pages, in a real browser, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

let service: TestService;
let receiver: Receiver;
let browser: Browser;
let tab: Tab;

beforeAll(async () => {
  [service, receiver, browser] = await Promise.all([startTestService(), startReceiver(), launchBrowser()]);
  receiver.answerWith((_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"valid": true}'),
  );
  await makeVenuesInUse(service, service.databaseUrl, receiver);
  tab = await openTab(browser, service.url);
  await tab.signIn(adminKey);
});
afterAll(async () => {
  await browser.close();
  await receiver.stop();
  await service.stop();
});
afterEach(() => tab.check());

const venue = '/locations/berlin-mitte';
const failingVenue = '/locations/dortmund-west';
const flowVenue = '/locations/kamen-test';
const newVenue = '/locations/new-venue';

test.each([
  '/sign-in',
  '/locations',
  '/locations?q=nowhere',
  '/keys',
  '/keys/new',
  venue,
  `${venue}/webhooks`,
  `${venue}/webhooks/new`,
  `${venue}/deliveries`,
  `${venue}/deliveries?outcome=abandoned`,
  `${venue}/resend`,
  `${venue}/sessions`,
  `${venue}/sessions?uuid=${randomUUID()}`,
  `${venue}/api`,
  `${venue}/api/new`,
  `${venue}/audit`,
  failingVenue,
  `${failingVenue}/webhooks`,
  `${failingVenue}/deliveries`,
  `${flowVenue}/registered-webhooks`,
  `${flowVenue}/registered-webhooks/check-voucher`,
  `${flowVenue}/registered-webhooks/check-voucher/invocations`,
  `${flowVenue}/new-registered-webhook`,
  `${flowVenue}/flows`,
  `${flowVenue}/flows/voucher`,
  `${flowVenue}/new-flow`,
  `${flowVenue}/runs`,
  `${flowVenue}/template-trial`,
  `${newVenue}/registered-webhooks`,
  `${newVenue}/flows`,
  newVenue,
  `${newVenue}/webhooks`,
  `${newVenue}/deliveries`,
  `${newVenue}/api`,
  '/locations/the-venue-with-the-longest-id-that-a-booking-system-gives-it-123',
  '/locations/nowhere',
])('%s can be read and used by everybody in both themes, and fits onto a phone', async (path) => {
  await tab.open(path);
  expect(await judgePage(tab.page)).toEqual([]);
});

test('what folds is as good open as closed, and so are a run, an invocation and a delivery', async () => {
  for (const [list, row] of [
    [`${flowVenue}/runs`, 'a[href*="/runs/"]'],
    [`${flowVenue}/registered-webhooks/check-voucher/invocations`, 'a[href*="/invocations/"]'],
    [`${venue}/deliveries?outcome=timed_out`, 'tbody a[href*="/deliveries/"]'],
    [`${venue}/webhooks`, 'h2 a'],
    [flowVenue, null],
    [`${flowVenue}/flows/voucher`, null],
    [`${venue}/audit`, null],
  ] as const) {
    await tab.open(list);
    if (row) await tab.page.locator(row).first().click();
    await tab.page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
    expect(await judgePage(tab.page)).toEqual([]);
  }
});

test('the header of a long table stays in view', async () => {
  await tab.open(`${venue}/deliveries`);
  await tab.page.locator('.log tbody tr').last().scrollIntoViewIfNeeded();
  const header = await tab.page.locator('.log th').first().boundingBox();
  expect(header?.y).toBe(0);
});

test('a webhook that missed something lately, and works again, is not called healthy', async () => {
  for (const [at, word] of [
    ['/locations?q=berlin', 'Works again'],
    [`${venue}/webhooks`, 'Works again'],
    ['/locations?q=kamen', 'Healthy'],
    [`${flowVenue}/webhooks`, 'Healthy'],
  ] as const) {
    await tab.open(at);
    expect(await tab.page.locator('.state').first().textContent()).toBe(word);
  }
});
