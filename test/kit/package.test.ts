import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatBatch } from '../../src/events/batch.ts';
import { events, secret, signDelivery } from './signed.ts';

const run = promisify(execFile);
const compiler = resolve('node_modules/typescript/bin/tsc');

/** The folder of a program that has installed the kit: its JavaScript, its types and our `exports`, and nothing else. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bellhop-kit-'));
  const installed = join(folder, 'node_modules/bellhop');
  await mkdir(installed, { recursive: true });
  await cp('package.json', join(installed, 'package.json'));
  await run(process.execPath, [compiler, '-p', 'tsconfig.kit.json', '--outDir', join(installed, 'dist/kit')]);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rm(folder, { recursive: true }));

it('plain Node runs the kit as it is built, without anything else installed', async () => {
  const { headers, body } = signDelivery();
  await writeFile(
    join(folder, 'receiver.js'),
    `import { receive, catchUp, createTracker } from 'bellhop/receiver';
    import { createClient } from 'bellhop/client';
    const delivery = ${JSON.stringify({ headers, body })};
    const onEvents = (events) => console.log(JSON.stringify(events));
    const { status } = await receive(delivery, { secret: '${secret}', onEvents });
    console.log(status, typeof catchUp, typeof createTracker, typeof createClient);`,
  );
  const { stdout } = await run(process.execPath, ['receiver.js'], { cwd: folder });
  expect(stdout).toBe(`204 function function function\n${formatBatch(events)}\n`);
});

it.each(['nodenext', 'bundler'])(
  'TypeScript finds the types with module resolution %s',
  async (resolution) => {
    await writeFile(
      join(folder, 'receiver.ts'),
      `import { type SessionEvent, verify } from 'bellhop/receiver';
    import { createClient } from 'bellhop/client';
    export const { events } = await verify(new Request('https://x'), ['${secret}']);
    export const actions: ('create' | 'delete')[] = events.map((event: SessionEvent) => event.action);
    // @ts-expect-error -- there is no such member
    export const wrong = events.map((event) => event.sessionId);
    export const { webhooks } = createClient({ url: '', key: '', locationId: '' });`,
    );
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom', '--types', ''];
    const module = resolution === 'nodenext' ? 'nodenext' : 'preserve';
    const args = [compiler, ...options, '--module', module, '--moduleResolution', resolution, 'receiver.ts'];
    await expect(run(process.execPath, args, { cwd: folder })).resolves.toMatchObject({ stdout: '' });
  },
);
