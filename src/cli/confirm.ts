import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Input, Options } from './command.ts';
import { CommandError, UsageError } from './errors.ts';

/** The option of commands that ask first. */
export const confirmOptions: Options = { yes: { help: 'Do not ask first', short: 'y' } };

/**
 * Asks before something is done that cannot be undone.
 * @throws UsageError when nobody can be asked; CommandError when the answer is no.
 */
export async function confirm(input: Input, question: string): Promise<void> {
  if (input.flag('yes')) return;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Nobody can be asked here: give --yes.`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  process.stderr.write(`${question} [y/N] `);
  try {
    const [answer]: unknown[] = await Promise.race([once(asking, 'line'), once(asking, 'close')]);
    if (typeof answer === 'string' && /^y(es)?$/i.test(answer.trim())) return;
  } finally {
    asking.close();
  }
  throw new CommandError('Nothing was done.');
}
