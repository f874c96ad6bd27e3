import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/**
 * A tab of a real browser that notes whatever goes wrong in it: errors of scripts, of the policy for content and of what
 * is loaded, requests to other hosts, and dialogs.
 */
export type Tab = {
  page: Page;
  /** Opens a path of the service. */
  open: (path: string) => Promise<void>;
  /** Signs in with a key, from wherever the tab is. */
  signIn: (key: string) => Promise<void>;
  /** @throws Error that lists what went wrong since the last time. */
  check: () => void;
  close: () => Promise<void>;
};

/**
 * Opens a tab, with cookies of its own.
 * @example const { page, check } = await openTab(browser, service.url, { colorScheme: 'dark' });
 */
export async function openTab(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({ viewport: desktop, baseURL: url, ...options });
  const page = await context.newPage();
  // Sooner than the test ends, so that it says what it waited for.
  page.setDefaultTimeout(15_000);
  const mistakes: string[] = [];
  const note = (what: string) => mistakes.push(`${new URL(page.url(), url).pathname}: ${what}`);
  page.on('pageerror', (error) => note(error.message));
  page.on('console', (message) => {
    const isFine = fine.some((beginning) => message.text().startsWith(beginning));
    if (['error', 'warning'].includes(message.type()) && !isFine) note(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== url) note(`asked ${request.url()}`);
  });
  page.on('response', (response) => {
    const isPage = response.request().resourceType() === 'document' && response.status() < 500;
    if (response.status() >= 400 && !isPage) note(`${response.url()} answered ${response.status()}`);
  });
  page.on('dialog', (dialog) => {
    note(`a dialog said ${dialog.message()}`);
    void dialog.dismiss();
  });
  const open = async (path: string) => {
    await page.goto(path);
  };
  return {
    page,
    open,
    async signIn(key) {
      await open('/sign-in');
      await page.getByLabel('API key').fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL((at) => at.pathname !== '/sign-in');
    },
    check() {
      const wrong = mistakes.splice(0);
      if (wrong.length > 0) throw new Error(`The page made mistakes:\n${wrong.join('\n')}`);
    },
    close: () => context.close(),
  };
}

/** What the console says besides errors. */
const fine = [
  // A refused form is a page of its own; what a page loads besides is judged by itself.
  'Failed to load resource: the server responded with',
  // htmx, of a request that a later one replaced, as while somebody types.
  'htmx:sendAbort',
  'htmx:afterRequest',
];

/** Screens: a desk's and a phone's. */
export const desktop = { width: 1280, height: 900 };
export const phone = { width: 390, height: 844 };

/** Pixels that a screen may be wide: where the look changes, and the least that must do. */
const widths = [1280, 1024, 704, 390, 320];

/**
 * Judges the page as it is: what axe finds on a desk and, in the other theme, on a phone, whether it fits onto screens of
 * all widths, and whether it has one heading.
 * @returns what is wrong, as sentences.
 */
export async function judgePage(page: Page): Promise<string[]> {
  const found: string[] = [];
  const headings = await page.locator('h1').count();
  if (headings !== 1) found.push(`it has ${headings} headings of the first level`);
  for (const [viewport, colorScheme] of [
    [phone, 'dark'],
    [desktop, 'light'],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    for (const text of await runAxe(page)) found.push(`${text} (${colorScheme}, ${viewport.width} px)`);
  }
  for (const width of widths) {
    await page.setViewportSize({ ...phone, width });
    for (const text of await findOverflow(page)) found.push(`${text} (${width} px)`);
  }
  await page.setViewportSize(desktop);
  const path = new URL(page.url()).pathname;
  return found.map((text) => `${path}: ${text}`);
}

/** What sticks out of the screen, in the words of the page. */
async function findOverflow(page: Page): Promise<string[]> {
  const widest = await page.evaluate<string | null>(`document.scrollingElement.scrollWidth <= innerWidth
    ? null
    : [...document.querySelectorAll('body *')].findLast((one) => one.getBoundingClientRect().right > innerWidth).outerHTML`);
  return widest === null ? [] : [`it is wider than the screen: ${widest.slice(0, 200)}`];
}

async function runAxe(page: Page): Promise<string[]> {
  // A row that is still sliding in is pale.
  await page.evaluate(`Promise.all(document.getAnimations()
    .filter((one) => one.effect.getTiming().iterations !== Infinity)
    .map((one) => one.finished.catch(() => {})))`);
  // By the debugger, which the page's policy for scripts does not stop.
  if (!(await page.evaluate('Boolean(globalThis.axe)'))) await page.evaluate(axe.source);
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + ' at ' + target.join(' ') + ': ' + failureSummary.replaceAll(/\\s+/g, ' '))))`);
}
