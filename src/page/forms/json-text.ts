/** What somebody typed as JSON, parsed, or what is wrong with it, in words. */
export type ParsedJson = { ok: true; value: unknown } | { ok: false; message: string };

/** @example parseJson('{"a": 1,}'); // { ok: false, message: 'is not JSON: line 1, column 9: a name in double quotes was expected, not }' } */
export function parseJson(text: string): ParsedJson {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, message: describe(text) };
  }
}

/** JSON as people read it. */
export function prettyJson(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? '';
}

/** JSON in lines, everything else as it is. */
export function readable(text: string): string {
  const parsed = parseJson(text);
  return parsed.ok ? prettyJson(parsed.value) : text;
}

function describe(text: string): string {
  const { at, expected } = findMistake(text);
  const lines = text.slice(0, at).split('\n');
  const found = /^\S{1,20}/.exec(text.slice(at))?.[0];
  const instead = found === undefined ? 'but the text ends' : `not ${found}`;
  return `is not JSON: line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}: ${expected} was expected, ${instead}`;
}

/** The next token: a mark, a text, or another value. */
const token =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\t\r\n]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)\b))/gy;

type Place = 'value' | 'firstItem' | 'firstName' | 'name' | 'colon' | 'afterItem' | 'afterMember' | 'end';

const value = { '{': 'firstName', '[': 'firstItem', text: 'after', other: 'after' } as const;

/** Which tokens may stand at a place, and the place that each leads to; `after` is behind a whole value. */
const grammar: Record<Place, { words: string; next: Partial<Record<string, Place | 'after'>> }> = {
  value: { words: 'a value', next: value },
  firstItem: { words: 'a value or ]', next: { ...value, ']': 'after' } },
  firstName: { words: 'a name in double quotes or }', next: { text: 'colon', '}': 'after' } },
  name: { words: 'a name in double quotes', next: { text: 'colon' } },
  colon: { words: 'a colon', next: { ':': 'value' } },
  afterItem: { words: 'a comma or ]', next: { ',': 'value', ']': 'after' } },
  afterMember: { words: 'a comma or }', next: { ',': 'name', '}': 'after' } },
  end: { words: 'the end', next: {} },
};

/** Walks through a text that is not JSON to where it stops being so: JSON.parse does not always tell. */
function findMistake(text: string): { at: number; expected: string } {
  const open: string[] = [];
  let place: Place = 'value';
  let at = 0;
  for (const found of text.matchAll(token)) {
    const kind = kindOf(found);
    const next: Place | 'after' | undefined = grammar[place].next[kind];
    if (!next) break;
    if (kind === '{' || kind === '[') open.push(kind);
    if (kind === '}' || kind === ']') open.pop();
    place = next === 'after' ? placeAfterValue(open.at(-1)) : next;
    at += found[0].length;
  }
  at += /^[ \t\r\n]*/.exec(text.slice(at))?.[0].length ?? 0;
  return { at, expected: grammar[place].words };
}

function kindOf([, mark, textToken]: RegExpExecArray): string {
  return mark ?? (textToken === undefined ? 'other' : 'text');
}

function placeAfterValue(innermost: string | undefined): Place {
  if (innermost === undefined) return 'end';
  return innermost === '{' ? 'afterMember' : 'afterItem';
}
