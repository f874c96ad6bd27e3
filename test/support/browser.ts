import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';

/** Where systems keep their Chromium. */
const installedBrowsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const args = ['--no-sandbox', '--no-zygote', '--disable-gpu'];

/**
 * A headless Chromium: the one at `CHROME_PATH`, the system's, or the one that comes from npm.
 * @example const browser = await launchBrowser(); await browser.close();
 */
export async function launchBrowser(): Promise<Browser> {
  const found = [process.env['CHROME_PATH'], ...installedBrowsers].find((path) => path && existsSync(path));
  return found ? chromium.launch({ executablePath: found, args }) : launchPackaged();
}

/** The packaged one unpacks itself, with libraries and fonts, into `TMPDIR`, as on AWS Lambda, for which it was made. */
async function launchPackaged(): Promise<Browser> {
  const dir = fileURLToPath(new URL('../../node_modules/.cache/chromium', import.meta.url));
  mkdirSync(dir, { recursive: true });
  const before = { ...process.env };
  process.env['TMPDIR'] = dir;
  process.env['AWS_LAMBDA_JS_RUNTIME'] = 'nodejs20.x';
  try {
    const { default: packaged } = await import('@sparticuz/chromium');
    packaged.setGraphicsMode = false;
    const executablePath = await packaged.executablePath();
    // Its own configuration of fonts names a folder that is not there; without any font Chromium crashes.
    writeFileSync(
      `${dir}/fonts/fonts.conf`,
      `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${dir}/fonts</dir><cachedir>${dir}/fonts-cache</cachedir></fontconfig>`,
    );
    const { LD_LIBRARY_PATH = '', FONTCONFIG_PATH = '' } = process.env;
    return await chromium.launch({
      executablePath,
      args,
      env: { ...asTexts(before), LD_LIBRARY_PATH, FONTCONFIG_PATH },
    });
  } finally {
    for (const name of ['TMPDIR', 'AWS_LAMBDA_JS_RUNTIME', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH'])
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  }
}

function asTexts(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}
