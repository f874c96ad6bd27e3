import type { Budget } from './template-budget.ts';

/** Up to here the engine's own search is quick, whatever the texts; beyond, it can take more than a minute, and nothing can cut it. */
const maxNativePattern = 100;

/** Where `pattern`, which is not empty, next occurs in `text` from each position that is asked for; -1: nowhere. */
function finder(text: string, pattern: string): (from: number) => number {
  if (pattern.length <= maxNativePattern) return (from) => text.indexOf(pattern, from);
  const borders = bordersOf(pattern);
  return (from) => {
    let matched = 0;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      while (matched > 0 && pattern.charCodeAt(matched) !== code) matched = borders[matched - 1] ?? 0;
      if (pattern.charCodeAt(matched) === code) matched += 1;
      if (matched === pattern.length) return at - matched + 1;
    }
    return -1;
  };
}

/** For each beginning of the pattern: how much of it is also its end (Knuth, Morris and Pratt). */
function bordersOf(pattern: string): Uint32Array {
  const borders = new Uint32Array(pattern.length);
  let matched = 0;
  for (let at = 1; at < pattern.length; at++) {
    const code = pattern.charCodeAt(at);
    while (matched > 0 && pattern.charCodeAt(matched) !== code) matched = borders[matched - 1] ?? 0;
    if (pattern.charCodeAt(matched) === code) matched += 1;
    borders[at] = matched;
  }
  return borders;
}

export function includes(text: string, pattern: string): boolean {
  return pattern === '' || finder(text, pattern)(0) >= 0;
}

/** The parts between the first `maxSplits` separators. */
export function split(text: string, separator: string, maxSplits: number): string[] {
  const find = finder(text, separator);
  const parts: string[] = [];
  let from = 0;
  for (let at = find(0); at >= 0 && parts.length < maxSplits; at = find(from)) {
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** Like Python's: an empty `old` is found before every character and at the end. */
export function replace(
  text: string,
  [old, fresh]: [string, string],
  maxCount: number,
  budget: Budget,
): string {
  const parts = old === '' ? splitCharacters(text, maxCount) : split(text, old, maxCount);
  budget.checkText(text.length + (parts.length - 1) * (fresh.length - old.length));
  return parts.join(fresh);
}

function splitCharacters(text: string, maxSplits: number): string[] {
  const characters = ['', ...Array.from(text), ''];
  if (maxSplits >= characters.length - 1) return characters;
  return [...characters.slice(0, maxSplits), characters.slice(maxSplits).join('')];
}

/** Removes any of `characters`, by default whitespace, from the sides. */
export function strip(
  text: string,
  characters: string | null,
  sides: { start: boolean; end: boolean },
): string {
  if (characters === null) {
    const trimmed = sides.start ? text.trimStart() : text;
    return sides.end ? trimmed.trimEnd() : trimmed;
  }
  const stripped = new Set(characters);
  let start = 0;
  let end = text.length;
  while (sides.start && start < end && stripped.has(text.charAt(start))) start += 1;
  while (sides.end && end > start && stripped.has(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

export function titleCase(text: string): string {
  return text.replaceAll(/[\p{L}\p{N}']+/gu, capitalize);
}

export function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
}
