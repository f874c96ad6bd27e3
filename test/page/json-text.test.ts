import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseJson } from '../../src/page/forms/json-text.ts';

const mistakes: [text: string, message: string][] = [
  ['', 'line 1, column 1: a value was expected, but the text ends'],
  ['{', 'line 1, column 2: a name in double quotes or } was expected, but the text ends'],
  ['{"a": 1,}', 'line 1, column 9: a name in double quotes was expected, not }'],
  ['{"a" 1}', 'line 1, column 6: a colon was expected, not 1}'],
  ["{'a': 1}", "line 1, column 2: a name in double quotes or } was expected, not 'a':"],
  ['[1 2]', 'line 1, column 4: a comma or ] was expected, not 2]'],
  ['[1,\n  foo]', 'line 2, column 3: a value was expected, not foo]'],
  ['{"a": 1]', 'line 1, column 8: a comma or } was expected, not ]'],
  ['{"a": 1}\r\n}', 'line 2, column 1: the end was expected, not }'],
  ['["a\nb"]', 'line 1, column 2: a value or ] was expected, not "a'],
  ['[01]', 'line 1, column 2: a value or ] was expected, not 01]'],
];

it.each(mistakes)('%j is told where it stops being JSON', (text, message) => {
  expect(parseJson(text)).toEqual({ ok: false, message: `is not JSON: ${message}` });
});

it('whatever is JSON is parsed, and a piece of it ends too early or at its end', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), (text, at) => {
      expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
      const piece = text.slice(0, at % text.length);
      const parsed = parseJson(piece);
      expect(parsed.ok || /: line 1, column \d+: .+ was expected, /.test(parsed.message)).toBe(true);
    }),
  );
});

it('a large text is judged at once', () => {
  const rows = Array.from({ length: 100_000 }, (_, n) => `{"n": ${n}}`);
  const parsed = parseJson(`[${rows.join(',')},]`);
  expect(parsed).toMatchObject({ message: expect.stringContaining('a value was expected, not ]') });
});
