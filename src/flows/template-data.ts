import { type Budget, maxNesting } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import { list, type Value, wrap } from './template-values.ts';

/**
 * Data as the library's values. The members of an object are converted when a template first asks for them: a body of a megabyte
 * costs what is used of it. Own members only; `__proto__` is a name as any other.
 * @throws TemplateError for what is not JSON, and for too many values or levels.
 */
export function convert(plain: unknown, budget: Budget, depth = 0): Value {
  budget.countData();
  if (depth > maxNesting)
    throw new TemplateError(`The data has more than ${maxNesting} lists inside each other.`);
  if (Array.isArray(plain)) return list(plain.map((item) => convert(item, budget, depth + 1)));
  if (typeof plain === 'object' && plain !== null) {
    return Object.assign(wrap({}), { value: new DataMembers(plain, budget) });
  }
  if (plain !== null && !['string', 'number', 'boolean', 'undefined'].includes(typeof plain)) {
    throw new TemplateError('The data is not JSON.');
  }
  return wrap(plain);
}

/** The members of an object. Templates do not change it. */
class DataMembers extends Map<string, Value> {
  readonly #plain: object;
  readonly #budget: Budget;
  /** All of them in the order of the data, once they are asked for. */
  #all: Map<string, Value> | null = null;
  #names: string[] | null = null;

  constructor(plain: object, budget: Budget) {
    super();
    this.#plain = plain;
    this.#budget = budget;
  }

  override get size(): number {
    this.#names ??= Object.keys(this.#plain);
    return this.#names.length;
  }

  override has(name: string): boolean {
    return Object.hasOwn(this.#plain, name);
  }

  override get(name: string): Value | undefined {
    const known = super.get(name);
    if (known || !Object.hasOwn(this.#plain, name)) return known;
    const value = convert(Reflect.get(this.#plain, name), this.#budget);
    this.set(name, value);
    return value;
  }

  override entries(): MapIterator<[string, Value]> {
    return this.#everything().entries();
  }

  override keys(): MapIterator<string> {
    return this.#everything().keys();
  }

  override values(): MapIterator<Value> {
    return this.#everything().values();
  }

  override [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  #everything(): Map<string, Value> {
    if (this.#all) return this.#all;
    const all = new Map<string, Value>();
    for (const name of Object.keys(this.#plain)) {
      const value = this.get(name);
      if (value) all.set(name, value);
    }
    this.#all = all;
    return all;
  }
}
