import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { openTab, type Tab } from '../support/tab.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { until } from '../support/until.ts';

let service: TestService;
let receiver: Receiver;
let browser: Browser;
let tab: Tab;
let page: Page;
let location: string;
let path: string;

beforeAll(async () => {
  [service, receiver, browser] = await Promise.all([startTestService(), startReceiver(), launchBrowser()]);
  receiver.answerWith((request, response) => response.writeHead(request.url === '/bad' ? 500 : 204).end());
  tab = await openTab(browser, service.url, { javaScriptEnabled: false });
  page = tab.page;
  await tab.signIn(adminKey);
});
afterAll(async () => {
  await browser.close();
  await receiver.stop();
  await service.stop();
});
afterEach(() => tab.check());
beforeEach(async () => {
  location = await addLocation(service.api);
  path = `/locations/${location}`;
});

const button = (name: string) => page.getByRole('button', { name });
const label = (text: string) => page.getByLabel(text, { exact: true });

test('without scripts, a webhook is added, tested, and gets another secret', async () => {
  await tab.open(`${path}/webhooks/new`);
  await label('URL').fill('http://10.0.0.1/');
  await button('Add the webhook').click();
  await page.getByText('10.0.0.1 is not an address on the public internet').waitFor();
  await label('URL').fill(receiver.url);
  await button('Add a header').click();
  await label('Name of header 1').fill('x-key');
  await label('Value of header 1').fill('abc');
  await button('Add the webhook').click();
  const secret = await page.locator('.secret pre').textContent();

  await button('Send test').click();
  await page.locator('#test-result .outcome.delivered').waitFor();
  await page.getByText('Rotate secret …').click();
  await button('Rotate secret').click();
  await page.getByRole('heading', { name: 'The new signing secret' }).waitFor();
  expect(await page.locator('.secret pre').textContent()).not.toBe(secret);
});

test('without scripts, a delivery that failed is found and sent again, with times in UTC', async () => {
  await addEndpoint(service.api, location, `${receiver.url}/bad`);
  await handOver(service.api, newEvent(location));
  await until('the delivery has failed', async () => {
    const { body } = await service.api.get(`/v1/locations/${location}/deliveries?outcome=failed`);
    return body.items.length === 1;
  });
  await tab.open(`${path}/deliveries`);
  expect(await page.locator('.log time').first().textContent()).toContain('UTC');
  await label('Outcome').selectOption('Failed');
  await button('Filter').click();
  await page.waitForURL('**outcome=failed**');
  await page.getByRole('link', { name: 'It answered 500, which is not a success.' }).click();
  await button('Resend').click();
  await page.getByText('It was sent again. This is the new delivery.').waitFor();
});

test('without scripts, a key is made and revoked', async () => {
  await tab.open(`${path}/api/new`);
  await label('Name').fill('Till');
  await page.getByLabel('Read events, deliveries').check();
  await button('Make the key').click();
  expect(await page.locator('.secret pre').textContent()).toMatch(/^bellhop_/);
  await page.getByText('Revoke …').click();
  await button('Revoke Till').click();
  await page.getByText('The key was revoked').waitFor();
});
