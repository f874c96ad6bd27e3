import { z } from '@hono/zod-openapi';
import { invalid } from './problem.ts';

/** What stands in place of a value that is not shown. Sent back, it keeps the value that is stored. */
export const mask = '••••••';

/** Header names that belong to the connection, to the message's framing, or to Bellhop. */
const reserved =
  /^(host|connection|keep-alive|proxy-.*|content-length|transfer-encoding|te|trailer|upgrade|expect|webhook-.*|bellhop-.*)$/i;

/** The name of a header that people set for requests of ours. */
export const headerNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'must be a header name of at most 100 characters')
  .refine((name) => !reserved.test(name), 'is a header that Bellhop or HTTP sets itself');

/** The value of such a header: no line break or NUL can smuggle in another one. */
export const headerValueSchema = z
  .string('must be a text')
  .max(4000, 'must have at most 4000 characters')
  .refine(
    (value) => value === mask || visibleAscii.test(value),
    'must be visible ASCII characters, with no line break',
  );

const visibleAscii = /^([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?$/;

/** Whether two names are the same header in different cases. */
export function namesHeaderTwice(headers: Record<string, string>): boolean {
  const names = Object.keys(headers);
  return new Set(names.map((name) => name.toLowerCase())).size < names.length;
}

/**
 * Headers as they are stored: each value sealed, or kept where the mask stands for it.
 * @throws Problem when the mask stands for a value that is not there.
 */
export function sealHeaders(
  headers: Record<string, string>,
  stored: Record<string, string>,
  seal: (value: string) => string,
): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    value === mask ? storedValue(stored, name) : seal(value),
  ]);
  return Object.fromEntries(entries);
}

/** Header names are the same in any case. */
function storedValue(stored: Record<string, string>, name: string): string {
  const [, value] =
    Object.entries(stored).find(([other]) => other.toLowerCase() === name.toLowerCase()) ?? [];
  if (value === undefined)
    throw invalid([
      { path: `headers.${name}`, message: 'has no stored value to keep: send the value itself' },
    ]);
  return value;
}
