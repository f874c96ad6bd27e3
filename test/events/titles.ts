import * as fc from 'fast-check';

/** Titles of every kind that JSON writes in its own way, up to the longest that is allowed. */
export const titles = fc.oneof(
  fc.string({
    unit: fc.constantFrom(
      '"',
      '\\',
      '/',
      "'",
      '\u0001',
      '\b',
      '\f',
      '\n',
      '\r',
      '\t',
      '\u001f',
      '\u007f',
      '\u2028',
      '\u2029',
      '🕶',
      'é',
      '\u0301',
      '<',
      '&',
      ' ',
      'a',
      '\ufeff',
      '\ufffd',
    ),
    minLength: 1,
    maxLength: 250,
  }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter((title) => !title.includes('\0')),
  fc.constantFrom(
    '\u0001'.repeat(500),
    '🕶'.repeat(250),
    '"'.repeat(500),
    '\u2028'.repeat(500),
    ' ',
    '{{ title }}',
    "'; drop table events; --",
  ),
);
