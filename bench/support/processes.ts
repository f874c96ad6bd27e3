import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** A process of the bench. `ask` calls a function that it serves; see {@link serve}. */
export type Process = {
  pid: number;
  ask<Schema extends z.ZodType>(name: string, argument: unknown, answer: Schema): Promise<z.output<Schema>>;
  hasEnded(): boolean;
  end(signal?: NodeJS.Signals): Promise<void>;
};

const running = new Set<ChildProcess>();
// Whatever ends the bench ends what it has started.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Runs a file of the repository, TypeScript or built, in a process of its own. */
export function startNode(
  file: string,
  { args = [], env = {}, stdio = ['ignore', 'inherit', 'inherit', 'ipc'] }: Options = {},
): Process {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const loader = file.endsWith('.ts') ? ['--import', 'tsx'] : [];
  return startProgram(process.execPath, [...loader, file, ...args], { env, stdio, cwd: root });
}

/** Runs a program. */
export function startProgram(command: string, args: string[], { env = {}, stdio, cwd }: Options): Process {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], HOME: process.env['HOME'], ...env },
    stdio: stdio ?? 'ignore',
    cwd,
    // Typed arrays pass as they are.
    serialization: 'advanced',
  });
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  exited.catch(() => {}); // a program that is not there: whoever waits for it is told
  const pid = child.pid ?? 0;
  return {
    pid,
    ask: createAsk(child, exited),
    hasEnded: () => !running.has(child),
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
    },
  };
}

type Options = {
  args?: string[];
  env?: Record<string, string | undefined>;
  stdio?: StdioOptions;
  cwd?: string;
};

const reply = z.object({ id: z.number(), value: z.unknown().optional(), error: z.string().optional() });

function createAsk(child: ChildProcess, exited: Promise<unknown>): Process['ask'] {
  let lastId = 0;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  child.on('message', (message) => {
    const { id, value, error } = reply.parse(message);
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(error));
  });
  const failAll = () => {
    for (const asked of waiting.values())
      asked.reject(new Error('The process has ended before it answered.'));
  };
  exited.then(failAll, failAll);
  return async (name, argument, answer) => {
    lastId += 1;
    const id = lastId;
    const value = await new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      child.send({ id, name, argument });
    });
    return answer.parse(value);
  };
}

const question = z.object({ id: z.number(), name: z.string(), argument: z.unknown().optional() });

/** Lets the process that started this one call these functions. This one ends when that one is gone. */
export function serve(functions: Record<string, (argument: unknown) => unknown>): void {
  process.on('disconnect', () => process.exit());
  // A Ctrl-C is the business of the process that started this one.
  process.on('SIGINT', () => {});
  process.on('message', (message) => {
    const { id, name, argument } = question.parse(message);
    const answer = async () => functions[name]?.(argument);
    answer().then(
      (value) => process.send?.({ id, value }),
      (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.stack : String(error) }),
    );
  });
}
