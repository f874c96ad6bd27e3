import { type Command, commonOptions } from './command.ts';
import { UsageError } from './errors.ts';
import { suggest } from './suggest.ts';

/** What is asked for: a command and the arguments that are left for it, help, or the version. */
type Found =
  | { kind: 'command' | 'help'; command: Command; args: string[] }
  | { kind: 'overview'; group: string | undefined }
  | { kind: 'version' };

/**
 * Finds what a command line asks for.
 * @throws UsageError when there is no such command; it names the nearest one.
 * @example findCommand(commands, ['keys', 'list', '--json']); // { kind: 'command', command: keysList, args: ['--json'] }
 */
export function findCommand(commands: Command[], args: string[]): Found {
  const { leading, words } = split(args);
  if (words.length === 0) return findWithoutWords(leading);
  if (words[0] === 'help') return findCommand(commands, [...words.slice(1), '--help']);
  const [command] = commands
    .filter(({ name }) => name.split(' ').every((word, index) => words[index] === word))
    .toSorted((a, b) => b.name.length - a.name.length);
  if (!command) return findGroup(commands, words);
  const left = [...leading, ...words.slice(command.name.split(' ').length)];
  checkOperand(commands, command, left);
  return { kind: wantsHelp(left) ? 'help' : 'command', command, args: left };
}

const seeHelp = '`bellhop --help` lists the commands.';

/** Options of every command may also stand before its words. */
function split(args: string[]): { leading: string[]; words: string[] } {
  let count = 0;
  while (args[count]?.startsWith('-')) {
    const takesValue = ['--api', '--key-file', '--key'].includes(args[count] ?? '');
    count += takesValue ? 2 : 1;
  }
  return { leading: args.slice(0, count), words: args.slice(count) };
}

function findWithoutWords(options: string[]): Found {
  if (options.includes('--version')) return { kind: 'version' };
  const known = Object.entries(commonOptions).flatMap(([name, { short }]) => [`--${name}`, `-${short}`]);
  const unknown = options.find((option) => !known.includes(option));
  if (unknown !== undefined) throw new UsageError(`${unknown} is for a command, and there is none.`, seeHelp);
  return { kind: 'overview', group: undefined };
}

function findGroup(commands: Command[], [group = '', word]: string[]): Found {
  const own = commands.filter(({ name }) => name.startsWith(`${group} `));
  if (own.length > 0 && (word === undefined || word.startsWith('-'))) return { kind: 'overview', group };
  const given = own.length > 0 ? `${group} ${word}` : group;
  const known =
    own.length > 0 ? own.map(({ name }) => name) : commands.flatMap(({ name }) => [name, firstWord(name)]);
  throw new UsageError(`There is no command "${given}".`, hintFor(given, known));
}

/** What stands where an operand may be told apart from a command that was misspelled. */
function checkOperand(commands: Command[], { name, operand }: Command, args: string[]): void {
  const [word] = args;
  if (operand || word === undefined || word.startsWith('-')) return;
  const below = commands.map((other) => other.name).filter((other) => other.startsWith(`${name} `));
  throw new UsageError(`\`bellhop ${name}\` does not take "${word}".`, hintFor(`${name} ${word}`, below));
}

function hintFor(given: string, known: string[]): string {
  const near = suggest(given, known);
  return near ? `Did you mean \`bellhop ${near}\`?` : seeHelp;
}

const firstWord = (name: string) => name.split(' ')[0] ?? name;

function wantsHelp(args: string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === '--help' || arg === '-h');
}
