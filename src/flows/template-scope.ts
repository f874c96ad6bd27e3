import { Environment } from '@huggingface/jinja';
import { argumentsOf, integerArgument } from './template-arguments.ts';
import type { Budget } from './template-budget.ts';
import { convert } from './template-data.ts';
import { TemplateError } from './template-error.ts';
import { functionValue, list, named, undefinedValue, type Value, wrap } from './template-values.ts';

/**
 * The outermost scope of a template: its data and the functions `range` and `namespace`, nothing else.
 * (The library's other globals, `raise_exception` and `strftime_now`, are left out.)
 */
export function scopeOf(data: Record<string, unknown>, budget: Budget): Environment {
  const scope = new Environment();
  const variables = new DataVariables(data, budget);
  const namespace = scope.variables.get('namespace');
  if (namespace && !variables.has('namespace')) variables.set('namespace', namespace);
  if (!variables.has('range')) variables.set('range', rangeFunction(budget));
  scope.variables = variables;
  return scope;
}

/** A scope inside of another, without names. */
export function innerScope(outer: Environment): Environment {
  const scope = new Environment(outer);
  scope.variables = new Map(); // the library puts `namespace` into each
  return scope;
}

/** What a name stands for in a scope or those around it. (The library's own look-up swallows errors.) */
export function valueOf(name: string, scope: Environment): Value {
  for (let inner: Environment | undefined = scope; inner; inner = inner.parent) {
    const value = inner.variables.get(name);
    if (value) return value;
  }
  return undefinedValue;
}

/** Names that a template cannot give to something else. */
export const literals: ReadonlyMap<string, Value> = new Map([
  ['true', wrap(true)],
  ['True', wrap(true)],
  ['false', wrap(false)],
  ['False', wrap(false)],
  ['none', wrap(null)],
  ['None', wrap(null)],
]);

/** Converts a member of the data when a template first asks for it; what a template sets hides it. */
class DataVariables extends Map<string, Value> {
  readonly #data: Record<string, unknown>;
  readonly #budget: Budget;

  constructor(data: Record<string, unknown>, budget: Budget) {
    super();
    this.#data = data;
    this.#budget = budget;
  }

  override has(name: string): boolean {
    return super.has(name) || Object.hasOwn(this.#data, name);
  }

  override get(name: string): Value | undefined {
    const known = super.get(name);
    if (known || !Object.hasOwn(this.#data, name)) return known;
    const value = convert(this.#data[name], this.#budget);
    this.set(name, value);
    return value;
  }
}

function rangeFunction(budget: Budget): Value {
  return functionValue((args) => {
    const [first, second, third] = argumentsOf(args, ['start', 'stop', 'step']);
    if (!first) throw new TemplateError('"range" needs an integer.');
    const start = second ? integerArgument(first, 'start', 0) : 0;
    const stop = integerArgument(second ?? first, 'stop', 0);
    const step = integerArgument(third, 'step', 1);
    if (step === 0) throw new TemplateError('The step of "range" cannot be 0.');
    const count = Math.max(Math.ceil((stop - start) / step), 0);
    budget.checkItems(count);
    budget.spend(count * 64);
    return list(Array.from({ length: count }, (_, index) => wrap(start + index * step)));
  });
}

/** The names of one round of a loop; `loop` is made when it is asked for. */
export class RoundVariables extends Map<string, Value> {
  readonly #items: Value[];
  readonly #index: number;

  constructor(items: Value[], index: number) {
    super();
    this.#items = items;
    this.#index = index;
  }

  override get(name: string): Value | undefined {
    if (name !== 'loop' || super.has(name)) return super.get(name);
    const loop = Object.assign(wrap({}), { value: new LoopMembers(this.#items, this.#index) });
    this.set(name, loop);
    return loop;
  }
}

/** `loop.index` and so on, made when they are asked for. */
class LoopMembers extends Map<string, Value> {
  readonly #items: Value[];
  readonly #index: number;

  constructor(items: Value[], index: number) {
    super();
    this.#items = items;
    this.#index = index;
  }

  override get(name: string): Value | undefined {
    return loopMembers.get(name)?.(this.#items, this.#index);
  }
}

const loopMembers: ReadonlyMap<string, (items: Value[], index: number) => Value | undefined> = new Map<
  string,
  (items: Value[], index: number) => Value | undefined
>([
  ['index', (_, index) => wrap(index + 1)],
  ['index0', (_, index) => wrap(index)],
  ['revindex', (items, index) => wrap(items.length - index)],
  ['revindex0', (items, index) => wrap(items.length - index - 1)],
  ['first', (_, index) => wrap(index === 0)],
  ['last', (items, index) => wrap(index === items.length - 1)],
  ['length', (items) => wrap(items.length)],
  ['previtem', (items, index) => items[index - 1]],
  ['nextitem', (items, index) => items[index + 1]],
  ['cycle', (_, index) => functionValue((args) => args[index % Math.max(args.length, 1)] ?? undefinedValue)],
]);

/** The values that several targets get. @example for a, b in ... */
export function unpack(value: Value, count: number): Value[] {
  if (!Array.isArray(value.value)) {
    throw new TemplateError(`${count} names need a list of ${count} elements, but this is ${named(value)}.`);
  }
  if (value.value.length !== count) {
    throw new TemplateError(`${count} names need ${count} elements, but there are ${value.value.length}.`);
  }
  return value.value;
}
