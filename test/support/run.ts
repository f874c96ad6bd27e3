import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A program that a test has started, which ends with the test. */
export type Program = { child: ChildProcess; ended: Promise<{ code: number | null; said: string }> };

/**
 * Starts one of our programs, such as `dist/main.js`, or `bin/bellhop.js` with a command.
 * @returns its process, and what it said when it has ended; `code` null: it was killed.
 */
export function startProgram(
  file: string,
  environment: Record<string, string>,
  args: string[] = [],
): Program {
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const end = async () => {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { code: typeof code === 'number' ? code : null, said: stdout + stderr };
  };
  return { child, ended: end() };
}

/** Runs one of our programs to its end. */
export async function run(file: string, environment: Record<string, string>, args: string[] = []) {
  return startProgram(file, environment, args).ended;
}
