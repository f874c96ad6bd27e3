import { commands } from './cli/commands.ts';
import { Input } from './cli/command.ts';
import { CommandError, describeError, UsageError } from './cli/errors.ts';
import { findCommand } from './cli/find-command.ts';
import { showHelp, showOverview } from './cli/help.ts';
import { clean, Output, toJson } from './cli/output.ts';
import { endWithReader } from './cli/stop.ts';
import { type CliEnvironment, readCliEnvironment } from './config.ts';
import { version } from './version.ts';

/**
 * Runs `bellhop` with these arguments, and sets the exit code: 0 it went well, 1 it failed, 2 the command line is wrong.
 * @example await runCli(['deliveries', '--location', 'kamen-test']);
 */
export async function runCli(args: string[]): Promise<void> {
  endWithReader();
  const environment = readCliEnvironment();
  const hasColor = !environment.NO_COLOR && environment.TERM !== 'dumb';
  const output = new Output({ isJson: args.includes('--json'), hasColor });
  try {
    await run(args, output, environment);
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    say(error, output);
  }
}

async function run(args: string[], output: Output, environment: CliEnvironment): Promise<void> {
  const found = findCommand(commands, args);
  switch (found.kind) {
    case 'version':
      return output.show({ version }, () => version);
    case 'overview':
      return showOverview(output, commands, found.group);
    case 'help':
      return showHelp(output, found.command);
    case 'command':
      return found.command.run(new Input(found.command, found.args), { output, environment });
  }
}

/** The reason why a command ended, for people or for programs. */
function say(error: unknown, output: Output): void {
  const { message, hint, ...details } = describe(error);
  if (output.isJson) {
    process.stderr.write(`${toJson({ error: { message, ...(hint && { hint }), ...details } })}\n`);
    return;
  }
  const mistakes = (details.errors ?? []).map(({ path, message: what }) =>
    path ? `  - ${clean(path)}: ${clean(what)}` : `  - ${clean(what)}`,
  );
  const lines = [...message.split('\n').map(clean), ...mistakes, ...(hint ? [clean(hint)] : [])];
  process.stderr.write(`${lines.join('\n')}\n`);
}

function describe(error: unknown): { message: string } & CommandError['details'] {
  if (error instanceof CommandError) return { message: describeError(error), ...error.details };
  if (error instanceof UsageError) return { message: error.message, ...(error.hint && { hint: error.hint }) };
  return { message: describeError(error) };
}
