import { TemplateError } from './template-error.ts';
import { kindOf, named, type Value } from './template-values.ts';

/**
 * Puts the arguments of a call in the order of `names`.
 * @example argumentsOf(call, ['width', 'first']); // of indent(2, first=true): [2, true]
 * @throws TemplateError for too many arguments and for unknown names.
 */
export function argumentsOf(args: Value[], names: string[]): (Value | undefined)[] {
  const last = args.at(-1);
  const byName = last?.type === 'KeywordArgumentsValue' && last.value instanceof Map ? last.value : null;
  const positional = byName ? args.slice(0, -1) : args;
  if (positional.length > names.length) {
    throw new TemplateError(`At most ${names.length} arguments were expected, not ${positional.length}.`);
  }
  for (const name of byName?.keys() ?? []) {
    if (!names.includes(name)) throw new TemplateError(`There is no argument "${name.slice(0, 40)}" here.`);
  }
  return names.map((name, index) => positional[index] ?? byName?.get(name));
}

/** The text of an argument. @throws TemplateError when it is missing or no text. */
export function textArgument(value: Value | undefined, name: string): string {
  if (typeof value?.value === 'string') return value.value;
  throw new TemplateError(`The argument "${name}" must be a string${value ? `, not ${named(value)}` : ''}.`);
}

/** The integer of an argument, or `absent` when it is missing or none. */
export function integerArgument(value: Value | undefined, name: string, absent: number): number {
  if (!value || kindOf(value) === 'none') return absent;
  if (typeof value.value === 'number' && kindOf(value) === 'integer') return value.value;
  throw new TemplateError(`The argument "${name}" must be an integer, not ${named(value)}.`);
}
