import { Environment } from '@huggingface/jinja';
import { argumentsOf, integerArgument } from './template-arguments.ts';
import { type Budget, maxNesting } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import { functionValue, kindOf, list, named, type Value, wrap } from './template-values.ts';

/**
 * The outermost scope of a template: its data and the functions `range` and `namespace`, nothing else.
 * (The library's other globals, `raise_exception` and `strftime_now`, are left out.)
 */
export function scopeOf(data: Record<string, unknown>, budget: Budget): Environment {
  const scope = new Environment();
  const namespace = scope.lookupVariable('namespace');
  const variables = new DataVariables(data, budget);
  scope.variables = variables;
  if (!variables.has('namespace')) variables.set('namespace', namespace);
  if (!variables.has('range')) variables.set('range', rangeFunction(budget));
  return scope;
}

/** Converts a member of the data when a template first asks for it. */
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
    if (super.has(name) || !Object.hasOwn(this.#data, name)) return super.get(name);
    const plain = this.#data[name];
    checkData(plain, this.#budget, 0);
    const value = wrap(plain);
    this.set(name, value);
    return value;
  }
}

function checkData(plain: unknown, budget: Budget, depth: number): void {
  budget.countData();
  if (depth > maxNesting) throw new TemplateError(`The data has more than ${maxNesting} levels.`);
  if (Array.isArray(plain)) {
    for (const item of plain) checkData(item, budget, depth + 1);
  } else if (typeof plain === 'object' && plain !== null) {
    for (const key of Object.keys(plain)) checkData(Reflect.get(plain, key), budget, depth + 1);
  } else if (!['string', 'number', 'boolean', 'undefined'].includes(typeof plain) && plain !== null) {
    throw new TemplateError('The data is not JSON.');
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

/** What a loop can go over. @throws TemplateError when there is too much of it. */
export function loopFunctions(items: Value[], index: number): Value {
  const count = items.length;
  const loop = wrap({
    index: index + 1,
    index0: index,
    revindex: count - index,
    revindex0: count - index - 1,
    first: index === 0,
    last: index === count - 1,
    length: count,
  });
  if (!(loop.value instanceof Map)) return loop;
  const [previous, next] = [items[index - 1], items[index + 1]];
  if (previous) loop.value.set('previtem', previous);
  if (next) loop.value.set('nextitem', next);
  loop.value.set(
    'cycle',
    functionValue((args) => args[index % Math.max(args.length, 1)] ?? wrap(undefined)),
  );
  return loop;
}

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

/** Names that a template cannot give to something else. */
export const literals: ReadonlyMap<string, Value> = new Map([
  ['true', wrap(true)],
  ['True', wrap(true)],
  ['false', wrap(false)],
  ['False', wrap(false)],
  ['none', wrap(null)],
  ['None', wrap(null)],
]);

export function isFunction(value: Value): boolean {
  return kindOf(value) === 'function';
}
