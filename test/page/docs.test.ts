import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { desktop, openTab, phone, type Tab } from '../support/tab.ts';
import { addLocation } from '../support/venue.ts';

let service: TestService;
let browser: Browser;
let tab: Tab;
beforeAll(async () => {
  [service, browser] = await Promise.all([startTestService(), launchBrowser()]);
  tab = await openTab(browser, service.url);
  // Swagger UI takes its time on a busy machine.
  tab.page.setDefaultTimeout(60_000);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});
// No error of the policy for content, and no request to another host.
afterEach(() => tab.check());

const background = 'getComputedStyle(document.body).backgroundColor';

it('/docs shows every operation, from this service alone, without a key', async () => {
  const { body } = await service.api.as(undefined).get('/openapi.json');
  const operations = Object.values<object>({ ...body.paths, ...body.webhooks }).flatMap((item) =>
    Object.keys(item),
  );
  await tab.open('/docs');
  await tab.page.locator('.opblock').first().waitFor();
  expect(await tab.page.locator('.opblock').count()).toBe(operations.length);
});

it.each([
  ['light', desktop],
  ['dark', desktop],
  ['light', phone],
  ['dark', phone],
] as const)('/docs follows the system: %s', async (colorScheme, viewport) => {
  await tab.page.emulateMedia({ colorScheme });
  await tab.page.setViewportSize(viewport);
  await tab.open('/docs');
  const blocks = tab.page.locator('.opblock');
  await blocks.first().waitFor();
  expect(await tab.page.evaluate(background)).toBe(
    colorScheme === 'dark' ? 'rgb(28, 32, 34)' : 'rgba(0, 0, 0, 0)',
  );
  expect(await tab.page.evaluate('document.scrollingElement.scrollWidth <= innerWidth')).toBe(true);
  if (process.env['SCREENSHOTS'])
    await tab.page.screenshot({
      path: `${process.env['SCREENSHOTS']}/docs-${colorScheme}-${viewport.width}.png`,
    });
});

it('/docs tries an operation out with a key', async () => {
  const locationId = await addLocation(service.api);
  const { page } = tab;
  await page.setViewportSize(desktop);
  await tab.open('/docs');
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page.locator('.auth-container input').first().fill(adminKey);
  await page.locator('.auth-container').first().getByRole('button', { name: 'Apply credentials' }).click();
  await page.locator('.close-modal').click();
  const path = page.locator('[data-path="/v1/locations"]');
  const operation = page.locator('.opblock').filter({ has: path });
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  const answer = page.waitForResponse((response) => response.url().includes('/v1/locations?'));
  // Examples stand in them.
  for (const field of await operation.locator('.parameters input').all()) await field.fill('');
  await operation.getByRole('button', { name: 'Execute' }).click();
  expect(JSON.stringify(await (await answer).json())).toContain(locationId);
});
