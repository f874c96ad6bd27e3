import { bounded } from '../bounded.ts';
import { Budget, maxText } from './template-budget.ts';
import { scopeOf } from './template-scope.ts';
import { TemplateError, toTemplateError } from './template-error.ts';
import { BoundedInterpreter } from './template-interpreter.ts';
import { type Program, parse } from './template-parse.ts';
import { print } from './template-print.ts';

export { TemplateError } from './template-error.ts';

/** A template that can be rendered any number of times. */
export type Template = {
  /**
   * @param data JSON: what the template's names stand for.
   * @throws TemplateError when the template asks for what cannot be done, or passes a bound.
   */
  render(data: Record<string, unknown>): string;
};

/** Milliseconds that compiling or rendering may hold up the process. */
const maxMs = 250;
/** UTF-16 units of a template. */
const maxTemplate = 64 * 1024;
/** Compiled templates that are kept. */
const maxCached = 1000;
/** About the bytes that they take together: 2 a character and 200 a token. */
const maxCachedBytes = 64 * 1024 * 1024;

/**
 * Compiles a Jinja template from an author who is not trusted. See docs/decisions/templates.md.
 * @example compileTemplate('Hello {{ name }}').render({ name: 'you' }); // 'Hello you'
 * @throws TemplateError when it is too long or not a template; `line` says where.
 */
export function compileTemplate(text: string): Template {
  const program = cached(text);
  return { render: (data) => render(program, data) };
}

function render(program: Program, data: Record<string, unknown>): string {
  const budget = new Budget();
  try {
    return bounded(() => {
      const text = print(new BoundedInterpreter(scopeOf(data, budget), budget).run(program), budget);
      if (Buffer.byteLength(text) > maxText) throw new TemplateError('The output is longer than 256 KiB.');
      return text;
    }, maxMs);
  } catch (error) {
    throw toTemplateError(error, budget.line);
  }
}

type Cached = { program: Program; bytes: number };

/** Least recently used first, for that is the order in which a `Map` keeps its keys. */
const cache = new Map<string, Cached>();
let cachedBytes = 0;

function cached(text: string): Program {
  const found = cache.get(text) ?? compileNew(text);
  if (!cache.delete(text)) cachedBytes += found.bytes;
  cache.set(text, found);
  for (const [oldest, { bytes }] of cache) {
    if (cache.size <= maxCached && cachedBytes <= maxCachedBytes) break;
    cache.delete(oldest);
    cachedBytes -= bytes;
  }
  return found.program;
}

function compileNew(text: string): Cached {
  if (text.length > maxTemplate) throw new TemplateError('The template is longer than 64 KiB.');
  try {
    const { program, tokenCount } = bounded(() => parse(text), maxMs);
    return { program, bytes: text.length * 2 + tokenCount * 200 };
  } catch (error) {
    throw toTemplateError(error, null);
  }
}
