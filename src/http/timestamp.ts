import { z } from '@hono/zod-openapi';

/** A point in time with its offset, of a year that PostgreSQL and JavaScript write alike: 1 to 9999. */
export const timestamp = z.iso
  .datetime({ offset: true, error: 'must be a time like 2026-11-22T20:28:00Z' })
  .transform((text) => new Date(text))
  .refine((time) => isCommonYear(time.getUTCFullYear()), 'must be in a year from 1 to 9999, in UTC');

const isCommonYear = (year: number) => year >= 1 && year <= 9999;
