import { z } from '@hono/zod-openapi';

/**
 * Text that PostgreSQL can store and give back unchanged: no NUL and no half of a surrogate pair, both of which JSON
 * can carry. Lengths count UTF-16 units.
 */
export const text = (minLength: number, maxLength: number) =>
  z
    .string('must be a text')
    .min(minLength, minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters`)
    .max(maxLength, `must have at most ${maxLength} characters`)
    .refine(
      (value) => value.isWellFormed() && !value.includes('\0'),
      'must not hold NUL or half a surrogate pair',
    );
