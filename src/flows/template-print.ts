import { type Budget, maxNesting } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import type { Value } from './template-values.ts';

/**
 * The text that `{{ value }}` becomes: `true` and `false` in lower case, nothing for none and undefined, lists and dicts as JSON.
 * @throws TemplateError for a function, which has no text.
 */
export function print(value: Value, budget: Budget): string {
  const inner = value.value;
  if (typeof inner === 'string') return inner;
  if (inner === null || inner === undefined) return '';
  if (typeof inner === 'function') {
    throw new TemplateError('A function cannot be printed: call it, with parentheses.');
  }
  return typeof inner === 'object' ? json(value, 0, budget) : value.toString();
}

/**
 * JSON with a space after `,` and `:`, as Python writes it; members in the order of the data.
 * @param indent spaces for each level; 0: all in one line.
 * @throws TemplateError for undefined at the top (a misspelled name), functions, and whatever becomes too long or too deep.
 */
export function json(value: Value, indent: number, budget: Budget): string {
  const writer = new JsonWriter(indent, budget);
  writer.write(value, 0);
  return writer.text;
}

class JsonWriter {
  text = '';
  readonly #indent: number;
  readonly #budget: Budget;

  constructor(indent: number, budget: Budget) {
    this.#indent = indent;
    this.#budget = budget;
  }

  write(value: Value, depth: number): void {
    this.#budget.step();
    if (depth > maxNesting) throw new TemplateError('The value is nested too deeply to be printed.');
    const inner = value.value;
    if (Array.isArray(inner)) this.#list(inner, depth);
    else if (inner instanceof Map) this.#members(inner, depth);
    else if (typeof inner === 'function') throw new TemplateError('A function cannot be written as JSON.');
    else this.#append(typeof inner === 'string' ? this.#quoted(inner) : scalar(value));
  }

  #list(items: Value[], depth: number): void {
    this.#append('[');
    for (const [index, item] of items.entries()) {
      this.#separate(index, depth + 1);
      this.write(item, depth + 1);
    }
    this.#end(items.length, depth, ']');
  }

  #members(members: Map<string, Value>, depth: number): void {
    this.#append('{');
    let index = 0;
    for (const [key, member] of members) {
      this.#separate(index, depth + 1);
      this.#append(`${this.#quoted(key)}: `);
      this.write(member, depth + 1);
      index += 1;
    }
    this.#end(members.size, depth, '}');
  }

  #separate(index: number, depth: number): void {
    if (this.#indent > 0) this.#append(`${index > 0 ? ',' : ''}\n${' '.repeat(this.#indent * depth)}`);
    else if (index > 0) this.#append(', ');
  }

  #end(count: number, depth: number, bracket: string): void {
    this.#append(this.#indent > 0 && count > 0 ? `\n${' '.repeat(this.#indent * depth)}${bracket}` : bracket);
  }

  #quoted(text: string): string {
    this.#budget.checkText(text.length);
    return JSON.stringify(text);
  }

  #append(text: string): void {
    this.text += text;
    this.#budget.checkText(this.text.length);
  }
}

/** Infinity, from a number such as 1e999 in the data, has no JSON. */
function scalar(value: Value): string {
  const isMissing = value.value === null || value.value === undefined || value.value === Infinity;
  return isMissing || value.value === -Infinity ? 'null' : value.toString();
}
