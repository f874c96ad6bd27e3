import { Problem } from '../http/problem.ts';
import { isShallow, tooDeep } from './nesting.ts';

/**
 * The body of an incoming request as templates see it: JSON as it is, a form as an object (several values of a name as a
 * list), any other text as a text, and null when it is empty. What is an object or a list of JSON is that, although it is
 * called a form or text, as curl and others do by default.
 * @throws Problem when it claims to be JSON and is not, or is of a type that cannot be read.
 */
export function parseIncoming(text: string, contentType: string | undefined): unknown {
  if (text === '') return null;
  const type = (contentType ?? 'text/plain').split(';')[0]?.trim().toLowerCase() ?? '';
  if (/^application\/(.+\+)?json$/.test(type)) return shallow(readJson(text));
  if (type === 'application/x-www-form-urlencoded') return shallow(readContainer(text) ?? parseForm(text));
  if (type.startsWith('text/')) return shallow(readContainer(text) ?? text);
  throw new Problem(415, 'Send JSON, a form (application/x-www-form-urlencoded) or text.');
}

function shallow(value: unknown): unknown {
  if (!isShallow(value)) throw new Problem(400, `The body ${tooDeep}.`);
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, 'The body is not valid JSON.');
  }
}

/** @returns the object or list of JSON that a text is; null: it is none. */
export function readContainer(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function parseForm(text: string): Record<string, string | string[]> {
  const form = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const values = form.get(name);
    if (values) values.push(value);
    else form.set(name, [value]);
  }
  const entries = [...form].map(([name, values]) => [name, values.length === 1 ? values[0] : values]);
  return Object.fromEntries(entries);
}
