import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Api } from '../support/api.ts';
import { until } from '../support/until.ts';

/** `bellhop` in a process of its own, which ends with the test. */
export type Bellhop = {
  child: ChildProcess;
  /** What it printed so far. On a terminal, both outputs are one. */
  printed: { stdout: string; stderr: string };
  /** Waits until it has printed this. @returns what was matched. */
  said: (pattern: RegExp) => Promise<RegExpExecArray>;
  ended: Promise<Ended>;
};

/** How it ended. `code` null: it was killed. */
export type Ended = { code: number | null; stdout: string; stderr: string };

const program = resolve('bin/bellhop.js');

/** Starts it with these arguments. Nothing is read but `input`. */
export function startBellhop(args: string[], environment: Record<string, string> = {}, input = ''): Bellhop {
  const child = spawn(process.execPath, [program, ...args], { env: withPath(environment) });
  child.stdin.on('error', () => {}).end(input);
  return watch(child);
}

/** Starts it on a terminal, whose other end the test has: what is written to `child.stdin` is typed. */
export function startOnTerminal(args: string[], environment: Record<string, string> = {}): Bellhop {
  const words = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  return watch(
    spawn('script', ['-qec', `exec ${words}`, '/dev/null'], {
      env: withPath({ TERM: 'xterm', ...environment }),
    }),
  );
}

function withPath(environment: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', ...environment };
}

/** Runs it to its end. */
export async function runBellhop(
  args: string[],
  environment?: Record<string, string>,
  input?: string,
): Promise<Ended> {
  return startBellhop(args, environment, input).ended;
}

/** The environment in which it finds an API. */
export function at({ url, key = '' }: Pick<Api, 'url' | 'key'>): Record<string, string> {
  return { BELLHOP_URL: url, BELLHOP_KEY: key };
}

function watch(child: ChildProcess): Bellhop {
  onTestFinished(() => void child.kill('SIGKILL'));
  const printed = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    printed.stderr += text;
  });
  const end = async () => {
    const [code] = await once(child, 'close');
    return { code: typeof code === 'number' ? code : null, ...printed };
  };
  const said = (pattern: RegExp) =>
    until(`bellhop says ${pattern}; it said ${printed.stdout}${printed.stderr}`, async () =>
      pattern.exec(printed.stdout + printed.stderr),
    );
  return { child, printed, said, ended: end() };
}
