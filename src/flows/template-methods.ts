import { argumentsOf, integerArgument, textArgument } from './template-arguments.ts';
import type { Budget } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import { print } from './template-print.ts';
import { capitalize, replace, split, strip, titleCase } from './template-text.ts';
import {
  elementsOf,
  functionValue,
  kindOf,
  list,
  sizeOf,
  undefinedValue,
  type Value,
  wrap,
} from './template-values.ts';

type Method = (self: Value, args: Value[], budget: Budget) => Value;

/** About the bytes of an element that is made for a list. */
const elementBytes = 64;

/** The value at `object[key]`; undefined when there is none. */
export function elementOf(object: Value, key: Value, budget: Budget): Value {
  const at = key.value;
  if (typeof at === 'string') return memberOf(object, at, budget);
  return typeof at === 'number' && kindOf(key) === 'integer' ? elementAt(object, at) : undefinedValue;
}

/**
 * The value at `object.name`: a member of a dict, or a method of a text or dict; undefined when there is none. Nothing else is there:
 * no prototype, no property of a JavaScript object. A member of the data comes before a method.
 */
export function memberOf(object: Value, name: string, budget: Budget): Value {
  if (object.value instanceof Map) return object.value.get(name) ?? method(object, name, budget);
  const size = sizeOf(object);
  return name === 'length' && size !== null ? wrap(size) : method(object, name, budget);
}

function elementAt({ value }: Value, index: number): Value {
  if (Array.isArray(value)) return value.at(index) ?? undefinedValue;
  return typeof value === 'string' ? wrap(value.at(index)) : undefinedValue;
}

function method(self: Value, name: string, budget: Budget): Value {
  const methods = new Map([
    ['string', textMethods],
    ['dict', dictMethods],
  ]).get(kindOf(self));
  const found = methods?.get(name);
  return found ? functionValue((args) => found(self, args, budget)) : undefinedValue;
}

const textMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['capitalize', (self, args) => wrap(capitalize(own(self, args)))],
  ['endswith', (self, args) => affixed(self, args, (text, affix) => text.endsWith(affix))],
  ['join', joinedWith],
  ['lower', (self, args) => wrap(own(self, args).toLowerCase())],
  ['lstrip', (self, args) => stripped(self, args, { start: true, end: false })],
  ['replace', replaceText],
  ['rstrip', (self, args) => stripped(self, args, { start: false, end: true })],
  ['split', splitText],
  ['startswith', (self, args) => affixed(self, args, (text, affix) => text.startsWith(affix))],
  ['strip', (self, args) => stripped(self, args, { start: true, end: true })],
  ['title', (self, args) => wrap(titleCase(own(self, args)))],
  ['upper', (self, args) => wrap(own(self, args).toUpperCase())],
]);

const dictMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['get', member],
  ['items', dictItems],
  ['keys', (self, args, budget) => listed(self, args, budget, ([key]) => wrap(key))],
  ['values', (self, args, budget) => listed(self, args, budget, ([, value]) => value)],
]);

function own(self: Value, args: Value[]): string {
  argumentsOf(args, []);
  return textArgument(self, 'text');
}

function affixed(self: Value, args: Value[], test: (text: string, affix: string) => boolean): Value {
  const [affix] = argumentsOf(args, ['affix']);
  const affixes = Array.isArray(affix?.value) ? affix.value : [affix];
  const text = textArgument(self, 'text');
  return wrap(affixes.some((one) => test(text, textArgument(one, 'affix'))));
}

function stripped(self: Value, args: Value[], sides: { start: boolean; end: boolean }): Value {
  const [characters] = argumentsOf(args, ['chars']);
  const isGiven = characters !== undefined && kindOf(characters) !== 'none';
  return wrap(strip(textArgument(self, 'text'), isGiven ? textArgument(characters, 'chars') : null, sides));
}

function joinedWith(self: Value, args: Value[], budget: Budget): Value {
  const [items] = argumentsOf(args, ['items']);
  return joinTexts(textArgument(self, 'text'), items ? elementsOf(items) : [], budget);
}

/** Joins the printed elements. */
export function joinTexts(separator: string, items: Value[], budget: Budget): Value {
  let text = '';
  for (const [index, item] of items.entries()) {
    budget.step();
    text += index === 0 ? print(item, budget) : separator + print(item, budget);
    budget.checkText(text.length);
  }
  return wrap(text);
}

/** The filter and method `replace(old, new, count)`. */
export function replaceText(self: Value, args: Value[], budget: Budget): Value {
  const [old, fresh, count] = argumentsOf(args, ['old', 'new', 'count']);
  const maxCount = integerArgument(count, 'count', -1);
  const pair: [string, string] = [textArgument(old, 'old'), textArgument(fresh, 'new')];
  return wrap(replace(textArgument(self, 'text'), pair, maxCount < 0 ? Infinity : maxCount, budget));
}

function splitText(self: Value, args: Value[], budget: Budget): Value {
  const [separator, most] = argumentsOf(args, ['sep', 'maxsplit']);
  const text = textArgument(self, 'text');
  const asked = integerArgument(most, 'maxsplit', -1);
  const maxSplits = asked < 0 ? Infinity : asked;
  const isGiven = separator !== undefined && kindOf(separator) !== 'none';
  const sep = isGiven ? textArgument(separator, 'sep') : null;
  if (sep === '') throw new TemplateError('A text cannot be split at an empty text.');
  const parts = sep === null ? splitAtSpace(text, maxSplits) : split(text, sep, maxSplits);
  budget.spend(parts.length * elementBytes);
  return list(parts.map(wrap));
}

/** Runs of whitespace separate; there is no empty part. */
function splitAtSpace(text: string, maxSplits: number): string[] {
  const parts: string[] = [];
  for (const word of text.matchAll(/\S+/g)) {
    if (parts.length >= maxSplits) return [...parts, text.slice(word.index)];
    parts.push(word[0]);
  }
  return parts;
}

function member(self: Value, args: Value[]): Value {
  const [key, instead] = argumentsOf(args, ['key', 'default']);
  const name = key?.value;
  const found = self.value instanceof Map && typeof name === 'string' ? self.value.get(name) : undefined;
  return found ?? instead ?? wrap(null);
}

/** The filter and method `items`: a list of [key, value]. */
export function dictItems(self: Value, args: Value[], budget: Budget): Value {
  if (kindOf(self) === 'undefined') return list([]);
  if (kindOf(self) !== 'dict') throw new TemplateError('"items" takes a dict.');
  return listed(self, args, budget, ([key, value]) => list([wrap(key), value]));
}

function listed(self: Value, args: Value[], budget: Budget, part: (entry: [string, Value]) => Value): Value {
  argumentsOf(args, []);
  if (!(self.value instanceof Map)) throw new TemplateError('A dict was expected.');
  budget.spend(self.value.size * elementBytes * 3);
  return list(Array.from(self.value, part));
}
