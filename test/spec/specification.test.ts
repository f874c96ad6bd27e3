import { spawn } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';
import { writeClient } from './client-source.ts';

let service: TestService;
let served: string;
beforeAll(async () => {
  service = await startTestService();
  served = await (await fetch(`${service.url}/openapi.json`)).text();
});
afterAll(() => service.stop());

it('the committed specification is the served one, or `npm run spec` makes it so', async () => {
  const text = await format('docs/openapi.json', JSON.stringify(JSON.parse(served)));
  await expect(text).toMatchFileSnapshot('../../docs/openapi.json');
});

it('the client has a method for every operation, or `npm run spec` makes it so', async () => {
  const text = await format('src/kit/client-api.ts', writeClient(JSON.parse(served)));
  await expect(text).toMatchFileSnapshot('../../src/kit/client-api.ts');
});

it('the recommended rules for specifications find nothing', async () => {
  const config = await createConfig({
    extends: ['recommended'],
    // What anybody may ask for, such as `/healthz`, has nothing to refuse.
    rules: { 'operation-4xx-response': 'off' },
  });
  const problems = await lintFromString({ source: served, absoluteRef: '/openapi.json', config });
  expect(
    problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`),
  ).toEqual([]);
});

/** As `npm run format` would leave it in this file. */
async function format(path: string, text: string): Promise<string> {
  const biome = spawn('node_modules/.bin/biome', ['format', `--stdin-file-path=${path}`]);
  biome.stdin.end(text);
  return readText(biome.stdout);
}
