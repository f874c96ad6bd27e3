import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { ServerUser } from './embedded-binaries.ts';

/** A PostgreSQL program that is asked to end when this process does. */
export type Supervised = {
  /** Resolves when the program logs `text`. */
  logged(text: string): Promise<void>;
  /** Resolves when the program has ended, with its exit code (null: killed) and the end of its log. */
  exited: Promise<{ code: number | null; log: string }>;
  /** Asks the program to end, which also happens when this process ends in any way, killed included. */
  release(): void;
};

/**
 * Standard input is a pipe that only this process holds open: its end is the order to stop. The signal is sent until it
 * is obeyed, since a program that is just starting may miss one. Signals that reach the whole service (Ctrl-C, a
 * service manager) are ignored here.
 */
const script = `
signal=$1 socket_folder=$2; shift 2
trap '' HUP INT TERM
exec 3<&0 </dev/null
"$@" 3<&- & program=$!
(read -r _ <&3; while kill -$signal $program; do sleep 0.2; done) >/dev/null 2>&1 & watcher=$!
wait $program; code=$?
{ kill -KILL $watcher; wait $watcher; } 2>/dev/null
[ -z "$socket_folder" ] || rm -rf "$socket_folder"
exit $code`;

type Options = { user: ServerUser; cwd: string; signal: 'INT' | '0'; socketFolder?: string };

/** Characters of the log that are kept: some 50 lines. */
const logLength = 8192;
/** How long a program that has ended may take to hand over its last lines. A backend that outlives it holds the pipe. */
const lastLinesMs = 500;

/**
 * Runs a program as `user` in `cwd`, in a session of its own so that Ctrl-C does not reach it: the service stops first.
 * The program sees nothing of our environment, which holds secrets.
 * @param options.signal ends the program: INT is PostgreSQL's fast shutdown; 0 is none, and lets it finish.
 * @param options.socketFolder is removed when the program ends.
 * @example const initdb = supervise(['/usr/bin/initdb', '-D', 'data'], { user: undefined, cwd: '/srv', signal: '0' });
 */
export function supervise(command: string[], { user, cwd, signal, socketFolder = '' }: Options): Supervised {
  const child = spawn('/bin/sh', ['-c', script, 'supervise', signal, socketFolder, ...command], {
    ...user,
    cwd,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-logLength);
  });
  const closed = once(child.stderr, 'close');
  const exited = once(child, 'exit').then(async () => {
    await Promise.race([closed, setTimeout(lastLinesMs, undefined, { ref: false })]);
    return { code: child.exitCode, log };
  });
  return {
    logged: (text) =>
      new Promise((resolve) => {
        child.stderr.on('data', () => {
          if (log.includes(text)) resolve();
        });
      }),
    exited,
    release: () => child.stdin.destroy(),
  };
}
