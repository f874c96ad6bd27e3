import { parseArgs } from 'node:util';
import type { CliEnvironment } from '../config.ts';
import { UsageError } from './errors.ts';
import type { Output } from './output.ts';
import { suggest } from './suggest.ts';

/** An option of a command. `value` stands for its value in the help; without it, it is a switch. */
export type Option = {
  value?: string;
  help: string;
  short?: string;
  /** The values it may have. */
  choices?: readonly string[];
  /** Whether it may be given several times. */
  multiple?: boolean;
};
/** Options by their names, without the two dashes. */
export type Options = Record<string, Option>;

/** What a command works with. */
export type Terminal = { output: Output; environment: CliEnvironment };

/** A command of `bellhop`. */
export type Command = {
  /** Its words, e.g. `keys create`. */
  name: string;
  summary: string;
  /** What follows its words in the help, e.g. `ENDPOINT_ID`; in brackets when it may be left out. */
  operand?: string;
  /** More than fits in the summary. */
  details?: string;
  options: Options;
  examples: string[];
  run: (input: Input, terminal: Terminal) => Promise<void>;
};

/** The options of every command. */
export const commonOptions: Options = {
  json: { help: 'Print JSON: a document, or a line for each item of a stream' },
  help: { help: 'Show this help', short: 'h' },
};

/** What stands on a command line behind the words of a command, checked. */
export class Input {
  readonly #command: Command;
  readonly #values: Values;
  readonly #operands: string[];

  /** @throws UsageError that says what is wrong. */
  constructor(command: Command, args: string[]) {
    this.#command = command;
    const options = { ...command.options, ...commonOptions };
    const { values, positionals } = parse(args, options);
    checkChoices(values, options);
    this.#values = values;
    this.#operands = positionals;
    const most = command.operand ? 1 : 0;
    const [unexpected] = positionals.slice(most);
    if (unexpected !== undefined)
      throw new UsageError(`\`bellhop ${command.name}\` does not take "${unexpected}".`);
  }

  /** The text of an option; undefined when it is not given. */
  text(name: string): string | undefined {
    const value = this.#read(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** @throws UsageError when it is not given. */
  need(name: string): string {
    const [value] = [this.#read(name) ?? []].flat();
    if (typeof value === 'string' && value !== '') return value;
    const option = this.#command.options[name];
    throw new UsageError(`--${name} ${option?.value ?? ''} is required.`);
  }

  /** The texts of an option that may be given several times. */
  texts(name: string): string[] {
    const values = this.#read(name);
    return Array.isArray(values) ? values.map(String) : [];
  }

  /** The texts of an option that may also hold several, separated by commas; undefined when it is not given. */
  list(name: string): string[] | undefined {
    const items = this.texts(name).flatMap((text) => text.split(',').map((item) => item.trim()));
    return items.length > 0 ? items : undefined;
  }

  /** @throws UsageError when it is not given. */
  needList(name: string): string[] {
    this.need(name);
    return this.list(name) ?? [];
  }

  isGiven(name: string): boolean {
    return this.#read(name) !== undefined;
  }

  flag(name: string): boolean {
    return this.#read(name) === true;
  }

  /** @throws UsageError when it is no whole number of the range. */
  whole(name: string, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  }

  /**
   * A point in time, given as such or as how long ago it is.
   * @throws UsageError when it is neither.
   * @example input.time('from'); // '2026-11-22T20:28:00.000Z' for that, and for `2h` two hours later
   */
  time(name: string, now = Date.now()): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const ago = count && unit ? now - Number(count) * (unitMs[unit] ?? 0) : Date.parse(text);
    if (!Number.isNaN(ago) && (unit || hasOffset.test(text))) return new Date(ago).toISOString();
    throw new UsageError(`--${name} must be a time like 2026-11-22T20:28:00Z, or 2h for two hours ago.`);
  }

  /** What follows the words of the command. */
  get operand(): string | undefined {
    return this.#operands[0];
  }

  /** @throws UsageError when nothing follows the words of the command. */
  needOperand(): string {
    const [operand] = this.#operands;
    if (operand) return operand;
    throw new UsageError(
      `${this.#command.operand} is required: bellhop ${this.#command.name} ${this.#command.operand}`,
    );
  }

  #read(name: string): Values[string] {
    if (!(name in this.#command.options)) throw new Error(`The command has no option ${name}.`);
    return this.#values[name];
  }
}

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const hasOffset = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/i;

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

function parse(args: string[], options: Options): { values: Values; positionals: string[] } {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { value, short, multiple = false }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), multiple, ...(short && { short }) },
    ]),
  );
  try {
    return parseArgs({ args, options: config, allowPositionals: true });
  } catch (error) {
    throw describeParseError(error, options);
  }
}

function describeParseError(error: unknown, options: Options): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const [, name = ''] = /'(?:-\w, )?(-[^'\s]*)/.exec(error.message) ?? [];
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near = suggest(name.replace(/^--?/, ''), Object.keys(options));
    return new UsageError(`There is no option ${name}.`, near && `Did you mean --${near}?`);
  }
  if (error.code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return error;
  const takesValue = options[name.replace(/^--?/, '')]?.value;
  return new UsageError(
    takesValue
      ? `${name} needs a value: ${name} ${takesValue}. One that begins with a dash is given as ${name}=VALUE.`
      : `${name} takes no value.`,
  );
}

function checkChoices(values: Values, options: Options): void {
  for (const [name, { choices, multiple }] of Object.entries(options)) {
    if (!choices) continue;
    const given = [values[name] ?? []]
      .flat()
      .flatMap((value) => (multiple ? String(value).split(',') : String(value)));
    const wrong = given.map((value) => value.trim()).find((value) => !choices.includes(value));
    if (wrong === undefined) continue;
    const near = suggest(wrong, choices);
    throw new UsageError(
      `--${name} must be ${choices.join(', ')}; "${wrong}" is none of them.`,
      near && `Did you mean ${near}?`,
    );
  }
}
