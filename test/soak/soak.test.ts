import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

test('a short soak, with every kind of fault at random, ends with every promise kept', {
  timeout: 240_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const soak = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/soak/soak.ts', '--seconds', '12', '--seed', String(seed)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [printed, mistakes, [code]] = await Promise.all([
    text(soak.stdout),
    text(soak.stderr),
    once(soak, 'exit'),
  ]);
  expect(printed + mistakes).toContain('Every promise held.');
  expect(code).toBe(0);
});
