import postgres from 'postgres';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { makeFlow, registerWebhook } from '../flows/flow.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { judgePage, openTab, phone, type Tab } from '../support/tab.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let browser: Browser;
let tab: Tab;
let page: Page;
let location: string;
let path: string;

beforeAll(async () => {
  [service, receiver, browser] = await Promise.all([startTestService(), startReceiver(), launchBrowser()]);
  receiver.answerWith((request, response) => {
    if (request.url !== '/slow') response.writeHead(request.url === '/bad' ? 500 : 204).end();
  });
  tab = await openTab(browser, service.url, {
    timezoneId: 'Asia/Kathmandu',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  page = tab.page;
  await tab.signIn(adminKey);
});
afterAll(async () => {
  await browser.close();
  await receiver.stop();
  await service.stop();
});
beforeEach(async () => {
  location = await addLocation(service.api);
  path = `/locations/${location}`;
});
afterEach(() => tab.check());

const button = (name: string) => page.getByRole('button', { name });
const link = (name: string) => page.getByRole('link', { name });
const label = (text: string) => page.getByLabel(text, { exact: true });
const focused = () => page.locator(':focus');
const headline = () => page.getByRole('heading', { level: 1 }).textContent();

/** Another tab, which has cookies of its own and ends with the test. */
async function openOther(options: Parameters<typeof openTab>[2] = {}): Promise<Tab> {
  const other = await openTab(browser, service.url, options);
  onTestFinished(async () => {
    await other.close();
    other.check();
  });
  return other;
}

test('a key that opens nothing is told so at the field, and the right one leads to where one wanted to go', async () => {
  const other = await openOther({ viewport: phone });
  await other.open(`${path}/webhooks`);
  const key = other.page.getByLabel('API key');
  await key.fill(`bellhop_${'x'.repeat(43)}`);
  await other.page.getByRole('button', { name: 'Sign in' }).click();
  await other.page.locator('#key-mistake').waitFor();
  expect(await other.page.locator(':focus').getAttribute('id')).toBe('key');
  await key.fill(adminKey);
  await key.press('Enter');
  await other.page.getByRole('heading', { name: 'No webhooks yet' }).waitFor();
  expect(await judgePage(other.page)).toEqual([]);
});

test('a link from the booking system opens the page of one venue on a phone, without a key', async () => {
  const { body } = await service.api.post(`/v1/locations/${location}/portal-links`);
  const other = await openOther({ viewport: phone });
  await other.page.goto(body.url);
  expect(new URL(other.page.url()).pathname).toBe(path);
  expect(await other.page.getByRole('heading', { level: 1 }).textContent()).toBe('Kamen Test');
  expect(await other.page.getByRole('link', { name: 'Locations' }).count()).toBe(0);
  await other.page.getByRole('link', { name: 'Add a webhook' }).click();
  expect(await other.page.getByRole('heading', { level: 1 }).textContent()).toBe('Add a webhook');
});

test('who signs out is out, also by the way back', async () => {
  const other = await openOther();
  await other.signIn(adminKey);
  await other.open(path);
  await other.page.getByRole('button', { name: 'Sign out' }).click();
  await other.page.waitForURL('**/sign-in');
  await other.page.goBack();
  await other.page.waitForURL('**/sign-in?next=**');
  expect(await other.page.getByRole('button', { name: 'Sign out' }).count()).toBe(0);
});

test('a private URL is refused while it is typed, and at its field when it is sent; what was typed stays', async () => {
  await tab.open(path);
  await link('Add a webhook').click();
  await label('URL').fill('http://192.168.1.20/hooks');
  await page.locator('#url-verdict.bad').waitFor();
  await label('Description').fill('Our display');
  await button('Add the webhook').click();
  await page.locator('#url-mistake').waitFor();
  expect(await focused().getAttribute('name')).toBe('url');
  expect(await focused().inputValue()).toBe('http://192.168.1.20/hooks');
  expect(await focused().getAttribute('aria-invalid')).toBe('true');
  expect(await label('Description').inputValue()).toBe('Our display');
  expect(await judgePage(page)).toEqual([]);
  await label('URL').fill('https://booking.example.com/hooks');
  await page.locator('#url-verdict.good').waitFor();
});

test('a webhook is added with headers of its own; its secret is shown once and can be copied', async () => {
  await tab.open(`${path}/webhooks/new`);
  await label('URL').fill(`${receiver.url}/headers`);
  for (const [n, [name, value]] of [
    ['x-a-kept', 'first'],
    ['x-b-gone', 'second'],
  ].entries()) {
    await button('Add a header').click();
    await label(`Name of header ${n + 1}`).fill(name ?? '');
    await label(`Value of header ${n + 1}`).fill(value ?? '');
  }
  await button('Add the webhook').click();
  const secret = await page.locator('.secret pre').textContent();
  expect(secret).toMatch(/^whsec_/);
  expect(await judgePage(page)).toEqual([]);
  await button('Copy: The signing secret of this webhook').click();
  await page.getByText('Copied', { exact: true }).first().waitFor();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(secret);
  await link('I have stored it').click();
  await page.locator('.secret').waitFor({ state: 'detached' });
  expect(await page.content()).not.toContain(secret);

  // A value that was stored is kept unless another is typed; a header without a name goes.
  expect(await label('Value of header 1').inputValue()).toBe('');
  await label('Name of header 2').fill('');
  await button('Save').click();
  await page.getByText('The webhook was saved.').waitFor();
  expect(await page.locator('[name=headerName]').count()).toBe(1);
  const before = receiver.requests.length;
  await button('Send test').click();
  const sent = (await receiver.received(before + 1)).at(-1);
  expect(sent?.headers).toMatchObject({ 'x-a-kept': 'first' });
  expect(sent?.headers).not.toHaveProperty('x-b-gone');
  await page.locator('#test-result .outcome').waitFor();
});

test.each([
  ['/good', 'Delivered', 'It answered 204'],
  ['/bad', 'Failed', 'It answered 500'],
  ['/slow', 'Timed out', 'It did not answer within 2 seconds'],
])('a test of a webhook at %s tells that it %s, in its place', async (at, outcome, words) => {
  const { id } = await addEndpoint(service.api, location, `${receiver.url}${at}`);
  await tab.open(`${path}/webhooks/${id}`);
  await page.evaluate('(globalThis.isSamePage = true)');
  await button('Send test').click();
  const result = page.locator('#test-result');
  await result.getByText(outcome, { exact: true }).waitFor();
  expect(await result.textContent()).toContain(words);
  expect(await page.evaluate('globalThis.isSamePage')).toBe(true);
  // For who does not see it.
  expect(await page.locator('#announcer').textContent()).toContain(words);
  expect(await judgePage(page)).toEqual([]);
});

test('deliveries show up while one looks, and one that failed is found, opened and sent again', async () => {
  await addEndpoint(service.api, location, `${receiver.url}/bad`, { actions: ['delete'] });
  await addEndpoint(service.api, location, `${receiver.url}/good`, { actions: ['create'] });
  await tab.open(`${path}/deliveries`);
  await page.getByText('No deliveries yet').waitFor();
  await handOver(service.api, newEvent(location));
  await page.locator('tbody .outcome.delivered').waitFor();
  await handOver(service.api, newEvent(location, { action: 'delete' }));
  await page.locator('tbody .outcome.failed').waitFor();
  expect(await page.locator('.log tbody tr').count()).toBe(2);
  expect(await judgePage(page)).toEqual([]);

  await page.getByLabel('Outcome').selectOption({ label: 'Failed' });
  await button('Filter').click();
  await page.waitForURL('**outcome=failed**');
  expect(await page.locator('.log tbody tr').count()).toBe(1);
  await link('It answered 500, which is not a success.').click();
  expect(await headline()).toContain('Delivery to 127.0.0.1');
  expect(await judgePage(page)).toEqual([]);

  const before = receiver.requests.length;
  await button('Resend').click();
  await page.locator('#resend-result .outcome.failed').waitFor();
  expect((await receiver.received(before + 1)).at(-1)?.url).toBe('/bad');
  await link('See the new delivery').click();
  await page.getByText('Sent again of').waitFor();
});

test('a secret is rotated after one question, and both sign while they overlap', async () => {
  const { id, secret: old } = await addEndpoint(service.api, location, receiver.url);
  await tab.open(`${path}/webhooks/${id}`);
  await page.getByText('Rotate secret …').click();
  await label('The old secret stays valid for').selectOption('7 days');
  await button('Rotate secret').click();
  const secret = await page.locator('.secret pre').textContent();
  expect(secret).not.toBe(old);
  const before = receiver.requests.length;
  await button('Send test').click();
  const sent = (await receiver.received(before + 1)).at(-1);
  expect(String(sent?.headers['webhook-signature']).split(' ')).toHaveLength(2);
  await page.locator('#test-result .outcome').waitFor();
});

test('a webhook is paused, goes on, and is deleted after one question that Escape closes', async () => {
  const { id } = await addEndpoint(service.api, location, receiver.url);
  await tab.open(`${path}/webhooks/${id}`);
  await button('Pause').click();
  await page.getByText('The webhook is paused').waitFor();
  expect(await page.locator('h1 ~ .state').textContent()).toBe('Paused');
  await button('Resume').click();
  await page.getByText('The webhook goes on').waitFor();
  const question = page.getByText('Delete …');
  await question.click();
  await page.getByText('gets no more events').waitFor();
  expect(await judgePage(page)).toEqual([]);
  await page.getByRole('button', { name: 'Delete 127.0.0.1' }).focus();
  await page.keyboard.press('Escape');
  await page.getByText('gets no more events').waitFor({ state: 'hidden' });
  expect(await focused().textContent()).toBe('Delete …');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Delete 127.0.0.1' }).click();
  await page.getByText('The webhook was deleted.').waitFor();
  await page.getByText('No webhooks yet').waitFor();
});

test('a key is made, seen once, used and revoked', async () => {
  await tab.open(path);
  await page.getByRole('navigation', { name: 'Kamen Test' }).getByRole('link', { name: 'API' }).click();
  await link('Make a key').click();
  await button('Make the key').click();
  await label('Name').fill('Booking page');
  await page.getByLabel('Read events, deliveries').check();
  await button('Make the key').click();
  const key = (await page.locator('.secret pre').textContent()) ?? '';
  expect(key).toMatch(/^bellhop_/);
  expect(await judgePage(page)).toEqual([]);
  const api = service.api.as(key);
  expect((await api.get(`/v1/locations/${location}/events`)).status).toBe(200);
  await page.reload();
  await page.getByRole('heading', { name: 'Booking page' }).waitFor();
  expect(await page.content()).not.toContain(key);
  await page.getByText('Revoke …').click();
  await button('Revoke Booking page').click();
  await page.getByText('The key was revoked').waitFor();
  expect((await api.get(`/v1/locations/${location}/events`)).status).toBe(401);
});

test('the theme that was chosen stays', async () => {
  const other = await openOther({ colorScheme: 'light' });
  await other.open('/sign-in');
  const ground = () => other.page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const light = await ground();
  await other.page.getByRole('button', { name: 'Dark' }).click();
  await other.page.getByRole('button', { name: 'Dark', pressed: true }).waitFor();
  const dark = await ground();
  expect(dark).not.toBe(light);
  await other.signIn(adminKey);
  await other.open(path);
  expect(await ground()).toBe(dark);
  expect(new URL(other.page.url()).pathname).toBe(path);
});

test('by keyboard alone: skip to the content, search by a slash, and always see where one is', async () => {
  await tab.open(path);
  await page.keyboard.press('Tab');
  expect(await focused().textContent()).toBe('Skip to the content');
  expect((await focused().boundingBox())?.y).toBeGreaterThanOrEqual(0);
  await page.keyboard.press('Enter');
  expect(await focused().getAttribute('id')).toBe('main');
  await page.keyboard.press('/');
  expect(await focused().getAttribute('type')).toBe('search');
  await page.keyboard.type('a/b');
  expect(await focused().inputValue()).toBe('a/b');

  await tab.open(`${path}/webhooks/new`);
  const seen = new Set<string>();
  for (;;) {
    await page.keyboard.press('Tab');
    const [what = '', outline = ''] = await page.evaluate<string[]>(
      `[document.activeElement.outerHTML.slice(0, 200), getComputedStyle(document.activeElement).outlineStyle]`,
    );
    if (seen.has(what) || what.startsWith('<body')) break;
    seen.add(what);
    expect(outline, `The focus is on ${what}`).toBe('solid');
  }
  expect([...seen].some((what) => what.includes('Add the webhook'))).toBe(true);
});

test('times are those of whoever looks', async () => {
  const { id } = await addEndpoint(service.api, location, receiver.url);
  const { body: sent } = await service.api.post(`/v1/locations/${location}/endpoints/${id}/test`);
  await tab.open(`${path}/deliveries/${sent.id}`);
  const shown = await page.locator('.timeline time').first().textContent();
  // 5 h 45 min ahead of UTC.
  const local = new Date(Date.parse(sent.startedAt) + 345 * 60_000).toISOString().slice(11, 16);
  expect(shown).toContain(local);
});

const hostile = '<img src=x onerror=alert(1)><b id="hostile">';

test('what others typed is text, wherever it shows', async () => {
  const sql = postgres(service.databaseUrl, { max: 1 });
  onTestFinished(() => sql.end());
  await service.api.put(`/v1/locations/${location}`, { title: hostile });
  const { id } = await addEndpoint(service.api, location, `${receiver.url}/?q=<b id="hostile">`, {
    description: hostile,
    headers: { "x-'b": hostile },
  });
  await service.api.post('/v1/keys', { name: hostile, scopes: ['events:read'], locationId: location });
  const test = await service.api.post(`/v1/locations/${location}/endpoints/${id}/test`);
  for (const at of [
    '',
    '/webhooks',
    `/webhooks/${id}`,
    '/deliveries',
    `/deliveries/${test.body.id}`,
    '/api',
    '/audit',
  ]) {
    await tab.open(path + at);
    expect(await page.locator('#hostile, img[src=x]').count(), `at ${at}`).toBe(0);
    expect(await page.title(), `at ${at}`).toContain('<img src=x');
  }
  await tab.open(`/locations?q=${encodeURIComponent(hostile)}`);
  expect(await page.getByRole('link', { name: hostile }).count()).toBe(1);
  expect(await page.locator('#hostile').count()).toBe(0);
});

test('a registered webhook is tried out, and a template rendered, in their places', async () => {
  receiver.answerWith((_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"valid": "<b>yes</b>"}'),
  );
  await registerWebhook(service.api, location, 'check-voucher', { url: receiver.url, method: 'POST' });
  await makeFlow(service, { steps: [], response: { body: 'Hi' } }, { locationId: location, name: 'greet' });
  await tab.open(`${path}/registered-webhooks/check-voucher`);
  await label('Data').first().fill('{"code": 1}');
  await button('Trigger').click();
  await page.getByText('<b>yes</b>').first().waitFor();
  expect(await judgePage(page)).toEqual([]);

  await tab.open(`${path}/flows/greet`);
  await label('Sample request').fill('{"name": "Ada"}');
  await label('Template').fill('Hello {{ web1.name }}');
  await page.getByText('Hello Ada').first().waitFor();
  await label('Template').fill('Hello {{ web1.name');
  await page.getByText('Hello Ada').first().waitFor({ state: 'detached' });
  expect(await judgePage(page)).toEqual([]);
});
