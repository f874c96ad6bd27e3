import { argumentsOf, integerArgument, textArgument } from './template-arguments.ts';
import { TemplateError } from './template-error.ts';
import { float, integer, named, numberOf, type Value, wrap } from './template-values.ts';

/** The filter `int`: towards zero; `default` for what is no number. */
export function toInteger(input: Value, args: Value[]): Value {
  const [instead] = argumentsOf(args, ['default']);
  const number = readNumber(input);
  return number === null ? (instead ?? wrap(0)) : integer(Math.trunc(number));
}

/** The filter `float`. */
export function toFloat(input: Value, args: Value[]): Value {
  const [instead] = argumentsOf(args, ['default']);
  const number = readNumber(input);
  return number === null ? (instead ?? float(0)) : float(number);
}

/** Longer texts are no numbers: a double has at most 17 digits that count. */
const maxNumberText = 400;

function readNumber(input: Value): number | null {
  const text = input.value;
  if (typeof text !== 'string') return numberOf(input);
  if (text.length > maxNumberText) return null;
  const number = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : null;
}

/** The filter `round`, always a float; a tie goes to the even digit, as in Python. */
export function round(input: Value, args: Value[]): Value {
  const [digits, method] = argumentsOf(args, ['precision', 'method']);
  const precision = integerArgument(digits, 'precision', 0);
  const number = numberOf(input);
  if (number === null) throw new TemplateError(`"round" takes a number, not ${named(input)}.`);
  if (precision < 0 || precision > 15) throw new TemplateError('"round" keeps 0 to 15 digits.');
  const factor = 10 ** precision;
  const name = method ? textArgument(method, 'method') : 'common';
  if (name === 'ceil') return float(Math.ceil(number * factor) / factor);
  if (name === 'floor') return float(Math.floor(number * factor) / factor);
  if (name === 'common') return float(roundToEven(number, precision));
  throw new TemplateError('The method of "round" is common, ceil or floor.');
}

function roundToEven(number: number, precision: number): number {
  const size = Math.abs(number);
  if (size >= 1e15) return number; // no digits behind the point are left
  const exact = size.toFixed(60);
  const isTie = /^50*$/.test(exact.slice(exact.indexOf('.') + 1 + precision));
  const below = Math.floor(size * 10 ** precision);
  const rounded = isTie ? (below + (below % 2)) / 10 ** precision : Number(size.toFixed(precision));
  return number < 0 ? -rounded : rounded;
}
