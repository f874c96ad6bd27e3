import { type Command, commonOptions, type Option } from './command.ts';
import type { Output } from './output.ts';
import { align } from './table.ts';

/** Shows all commands, or those of a group such as `keys`. */
export function showOverview(output: Output, commands: Command[], group: string | undefined): void {
  const shown = group ? commands.filter(({ name }) => name.startsWith(`${group} `)) : commands;
  const facts = shown.map((command) => ({ usage: usageOf(command), summary: command.summary }));
  output.show({ commands: facts }, () =>
    [
      group
        ? `bellhop ${group} COMMAND [OPTIONS]`
        : 'bellhop COMMAND [OPTIONS]: the webhook service of a booking system',
      '',
      output.paint('bold', 'Commands'),
      align(shown.map((command) => [`  ${wordsOf(command)}`, command.summary])),
      '',
      '`bellhop COMMAND --help` tells more, and `bellhop --version` which version this is.',
      'Commands that use the API find it by --api or BELLHOP_URL (http://127.0.0.1:8080), with the key of BELLHOP_KEY.',
    ].join('\n'),
  );
}

/** Shows what a command does, its options and examples. */
export function showHelp(output: Output, command: Command): void {
  const { summary, details, examples } = command;
  const options = { ...command.options, ...commonOptions };
  const usage = usageOf(command);
  output.show({ usage, summary, ...(details && { details }), options, examples }, () =>
    [
      usage,
      '',
      `${summary}.`,
      ...(details ? ['', details] : []),
      '',
      output.paint('bold', 'Options'),
      align(Object.entries(options).map(toRow)),
      '',
      output.paint('bold', 'Examples'),
      ...examples.map((example) => `  ${example}`),
    ].join('\n'),
  );
}

/** How a command is called, e.g. `bellhop keys delete KEY_ID [OPTIONS]`. */
export function usageOf(command: Command): string {
  return `bellhop ${wordsOf(command)} [OPTIONS]`;
}

function wordsOf({ name, operand }: Command): string {
  return operand ? `${name} ${operand}` : name;
}

function toRow([name, { value, short, help, choices }]: [string, Option]): string[] {
  const words = `  ${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`;
  return [words, choices ? `${help}: ${choices.join(', ')}` : help];
}
