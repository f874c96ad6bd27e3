import { argumentsOf, integerArgument, textArgument } from './template-arguments.ts';
import type { Budget } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import { dictItems, joinTexts, replaceText } from './template-methods.ts';
import { round, toFloat, toInteger } from './template-numbers.ts';
import { order } from './template-operators.ts';
import { json, print } from './template-print.ts';
import { capitalize, strip, titleCase } from './template-text.ts';
import {
  elementsOf,
  float,
  integer,
  isTrue,
  kindOf,
  list,
  named,
  numberOf,
  sizeOf,
  undefinedValue,
  type Value,
  wrap,
} from './template-values.ts';

export type Filter = (input: Value, args: Value[], budget: Budget) => Value;

/**
 * The filters that Bellhop brings instead of the library's: those that could build something huge or take long there,
 * differ from Jinja without saying so, or are missing.
 */
export const ownFilters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['capitalize', (input, args, budget) => wrap(capitalize(plainText(input, args, budget)))],
  ['count', length],
  ['d', defaulted],
  ['default', defaulted],
  ['e', escaped],
  ['escape', escaped],
  ['first', (input, args) => edge(input, args, 0)],
  ['float', toFloat],
  ['indent', indented],
  ['int', toInteger],
  ['items', dictItems],
  ['join', joined],
  ['last', (input, args) => edge(input, args, -1)],
  ['length', length],
  ['list', listed],
  ['lower', (input, args, budget) => wrap(plainText(input, args, budget).toLowerCase())],
  ['max', (input, args) => extreme(input, args, 1)],
  ['min', (input, args) => extreme(input, args, -1)],
  ['replace', (input, args, budget) => replaceText(wrap(print(input, budget)), args, budget)],
  ['round', round],
  ['string', (input, args, budget) => wrap(plainText(input, args, budget))],
  ['sum', summed],
  ['title', (input, args, budget) => wrap(titleCase(plainText(input, args, budget)))],
  ['tojson', toJson],
  ['trim', trimmed],
  ['upper', (input, args, budget) => wrap(plainText(input, args, budget).toUpperCase())],
  ['urlencode', urlEncoded],
]);

function plainText(input: Value, args: Value[], budget: Budget): string {
  argumentsOf(args, []);
  return print(input, budget);
}

function length(input: Value, args: Value[]): Value {
  argumentsOf(args, []);
  const size = kindOf(input) === 'undefined' ? 0 : sizeOf(input);
  if (size === null) throw new TemplateError(`${named(input)} has no length.`);
  return wrap(size);
}

function defaulted(input: Value, args: Value[]): Value {
  const [instead, also] = argumentsOf(args, ['default_value', 'boolean']);
  const isMissing = kindOf(input) === 'undefined' || (also !== undefined && isTrue(also) && !isTrue(input));
  return isMissing ? (instead ?? wrap('')) : input;
}

function escaped(input: Value, args: Value[], budget: Budget): Value {
  const entities = new Map([
    ['&', '&amp;'],
    ['<', '&lt;'],
    ['>', '&gt;'],
    ["'", '&#39;'],
    ['"', '&#34;'],
  ]);
  return replacedEach(plainText(input, args, budget), /[&<>'"]/g, entities, budget);
}

function edge(input: Value, args: Value[], index: 0 | -1): Value {
  argumentsOf(args, []);
  const text = input.value;
  if (typeof text === 'string') return text === '' ? undefinedValue : wrap(text.at(index));
  return elementsOf(input).at(index) ?? undefinedValue;
}

function indented(input: Value, args: Value[], budget: Budget): Value {
  const [width, first, blank] = argumentsOf(args, ['width', 'first', 'blank']);
  const margin =
    typeof width?.value === 'string' ? width.value : spaces(integerArgument(width, 'width', 4), budget);
  const lines = print(input, budget).split('\n');
  let size = 0;
  const moved = lines.map((line, index) => {
    const stays = (index === 0 && !(first && isTrue(first))) || (line === '' && !(blank && isTrue(blank)));
    size += line.length + 1 + (stays ? 0 : margin.length);
    budget.checkText(size - 1);
    return stays ? line : margin + line;
  });
  return wrap(moved.join('\n'));
}

function spaces(count: number, budget: Budget): string {
  budget.checkText(count);
  return ' '.repeat(Math.max(count, 0));
}

function joined(input: Value, args: Value[], budget: Budget): Value {
  const [separator] = argumentsOf(args, ['d']);
  return joinTexts(separator ? print(separator, budget) : '', elementsOf(input), budget);
}

function listed(input: Value, args: Value[], budget: Budget): Value {
  argumentsOf(args, []);
  budget.spend(64 * (sizeOf(input) ?? 0));
  return list(elementsOf(input));
}

function extreme(input: Value, args: Value[], sign: 1 | -1): Value {
  argumentsOf(args, []);
  let found = undefinedValue;
  for (const item of elementsOf(input)) {
    if (found === undefinedValue || order(item, found) * sign > 0) found = item;
  }
  return found;
}

function summed(input: Value, args: Value[]): Value {
  argumentsOf(args, []);
  let sum = 0;
  let isFloat = false;
  for (const item of elementsOf(input)) {
    const number = numberOf(item);
    if (number === null) throw new TemplateError(`"sum" adds numbers, not ${named(item)}.`);
    sum += number;
    isFloat ||= kindOf(item) === 'float';
  }
  return isFloat ? float(sum) : integer(sum);
}

/** Safe in HTML and in a quoted attribute as well, as in Jinja: the four characters are written as escapes. */
function toJson(input: Value, args: Value[], budget: Budget): Value {
  const [width] = argumentsOf(args, ['indent']);
  const indent = integerArgument(width, 'indent', 0);
  if (indent < 0 || indent > 16) throw new TemplateError('"tojson" indents by 0 to 16 spaces.');
  if (kindOf(input) === 'undefined') throw new TemplateError('An undefined value cannot be written as JSON.');
  const escapes = new Map([
    ['<', '\\u003c'],
    ['>', '\\u003e'],
    ['&', '\\u0026'],
    ["'", '\\u0027'],
  ]);
  return replacedEach(json(input, indent, budget), /[<>&']/g, escapes, budget);
}

function replacedEach(text: string, what: RegExp, by: Map<string, string>, budget: Budget): Value {
  const replaced = text.replaceAll(what, (character) => by.get(character) ?? character);
  budget.checkText(replaced.length);
  return wrap(replaced);
}

function trimmed(input: Value, args: Value[], budget: Budget): Value {
  const [characters] = argumentsOf(args, ['chars']);
  const stripped = characters ? textArgument(characters, 'chars') : null;
  return wrap(strip(print(input, budget), stripped, { start: true, end: true }));
}

/** A slash stays, as in Jinja. */
function urlEncoded(input: Value, args: Value[], budget: Budget): Value {
  const text = plainText(input, args, budget).toWellFormed();
  const encoded = encodeURIComponent(text)
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/g, percent);
  budget.checkText(encoded.length);
  return wrap(encoded);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
