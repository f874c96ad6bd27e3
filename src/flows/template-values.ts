import { Environment, Interpreter } from '@huggingface/jinja';
import { TemplateError } from './template-error.ts';

/** A value while a template runs: the library's object around a text, number, list (`Array`), dict (`Map`) ... */
export type Value = ReturnType<Interpreter['evaluate']>;
/** The arguments of a call; arguments with names come last, in one value. */
export type Call = (args: Value[], scope: Environment) => Value;

const scratch = new Environment();

/** The library's value for a JavaScript one: own enumerable members only, as a `Map`. It exports no other way to make one. */
export function wrap(plain: unknown): Value {
  scratch.variables.delete('value');
  try {
    return scratch.set('value', plain);
  } finally {
    scratch.variables.delete('value');
  }
}

export const undefinedValue = wrap(undefined);

/** @example list([wrap(1), wrap('a')]) */
export function list(items: Iterable<Value>): Value {
  const made = wrap([]);
  if (Array.isArray(made.value)) for (const item of items) made.value.push(item);
  return made;
}

/** A number that stays a float when it is whole: `4 / 2` is 2.0. */
export function float(value: number): Value {
  if (!Number.isFinite(value)) throw new TemplateError('The number is too large.');
  const literal = { type: 'FloatLiteral', value };
  return new Interpreter().evaluate(literal, scratch);
}

/** Refuses what a double would only hold nearly. */
export function integer(value: number): Value {
  if (!Number.isSafeInteger(value)) throw new TemplateError('The number is too large to be exact.');
  return wrap(value + 0); // no negative zero
}

/** A function that gets the library's values, not what is inside them. */
export function functionValue(call: Call): Value {
  return Object.assign(
    wrap(() => null),
    { value: call },
  );
}

export type Kind =
  | 'string'
  | 'integer'
  | 'float'
  | 'boolean'
  | 'list'
  | 'dict'
  | 'namespace'
  | 'function'
  | 'none'
  | 'undefined';

const kinds = new Map<string, Kind>([
  ['StringValue', 'string'],
  ['IntegerValue', 'integer'],
  ['FloatValue', 'float'],
  ['BooleanValue', 'boolean'],
  ['ArrayValue', 'list'],
  ['TupleValue', 'list'],
  ['ObjectValue', 'dict'],
  ['KeywordArgumentsValue', 'dict'],
  ['NamespaceValue', 'namespace'],
  ['FunctionValue', 'function'],
  ['NullValue', 'none'],
]);

export function kindOf(value: Value): Kind {
  return kinds.get(value.type) ?? 'undefined';
}

/** As in Python: false for what is empty, zero, none or undefined. */
export function isTrue(value: Value): boolean {
  const size = sizeOf(value);
  return size === null ? Boolean(value.value) : size > 0;
}

/** The number that a number or boolean stands for in arithmetic; null for anything else. */
export function numberOf(value: Value): number | null {
  if (typeof value.value === 'boolean') return value.value ? 1 : 0;
  return typeof value.value === 'number' ? value.value : null;
}

/** The elements of what can be looped over: a list, the characters of a text, the keys of a dict, nothing for undefined. */
export function elementsOf(value: Value): Value[] {
  const inner = value.value;
  if (Array.isArray(inner)) return inner;
  if (kindOf(value) === 'undefined') return [];
  if (typeof inner === 'string') return Array.from(inner, wrap);
  if (inner instanceof Map && kindOf(value) === 'dict') return Array.from(inner.keys(), wrap);
  throw new TemplateError(`A loop or list needs several elements, but this is ${named(value)}.`);
}

/** Number of elements, characters (UTF-16 units) or members; null for what has none. */
export function sizeOf(value: Value): number | null {
  const inner = value.value;
  if (typeof inner === 'string' || Array.isArray(inner)) return inner.length;
  return inner instanceof Map ? inner.size : null;
}

/** @example named(wrap(1)); // 'an integer' */
export function named(value: Value): string {
  const kind = kindOf(value);
  if (kind === 'none' || kind === 'undefined') return kind;
  return kind === 'integer' ? 'an integer' : `a ${kind}`;
}
