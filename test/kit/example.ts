import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { until } from '../support/until.ts';

/** A program of `examples/` that listens, in a process of its own, which ends with the test. */
export type Example = {
  url: string;
  child: ChildProcess;
  lines: string[];
  said: (line: string) => Promise<void>;
};

/**
 * Starts an example from the checkout, and waits until it listens.
 * @throws Error when it says nothing of it within a minute.
 * @example const receiver = await startExample('node-http.ts', { WEBHOOK_SECRET: secret });
 */
export async function startExample(file: string, environment: Record<string, string>): Promise<Example> {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${file}`], {
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const port = await until(`${file} listens`, async () => /port: (\d+)/.exec(lines.join('\n'))?.[1]);
  return {
    url: `http://127.0.0.1:${port}/hooks/vr`,
    child,
    lines,
    said: async (line) => void (await until(`${file} says ${line}`, async () => lines.includes(line))),
  };
}
