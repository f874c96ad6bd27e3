import { TemplateError } from './template-error.ts';

/** A template is a row of these; comments are left out. `source` is what stands between the braces. */
export type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'expression' | 'statement'; source: string; line: number };

/** Brackets inside each other, in one tag: the parser recurses. */
const maxBrackets = 40;

/**
 * Cuts a template into text and tags, with Jinja's whitespace control, comments and `{% raw %}`.
 * The library's tokenizer does not say where a token stood, and knows no `raw`; it gets the tags one by one.
 * @example scan('a {{- b }}'); // [{ kind: 'text', text: 'a' }, { kind: 'expression', source: ' b ', line: 1 }]
 * @throws TemplateError for a tag, comment, text or bracket that is not closed.
 */
export function scan(template: string): Piece[] {
  // As in Jinja: one kind of line end, and a last one that editors add is not meant.
  const scanner = new Scanner(template.replaceAll(/\r\n?/g, '\n').replace(/\n$/, ''));
  scanner.scanAll();
  return scanner.pieces;
}

class Scanner {
  readonly pieces: Piece[] = [];
  readonly #template: string;
  #at = 0;
  #line = 1;
  /** The last tag ended in `-`: whitespace after it goes. */
  #trimsNext = false;

  constructor(template: string) {
    this.#template = template;
  }

  scanAll(): void {
    const opening = /\{[{%#]/g;
    while (this.#at < this.#template.length) {
      opening.lastIndex = this.#at;
      const open = opening.exec(this.#template);
      if (!open) {
        this.#text(this.#template.length, false);
        return;
      }
      this.#text(open.index, this.#template.charAt(open.index + 2) === '-');
      if (open[0] === '{#') this.#comment();
      else if (open[0] === '{{') this.#tag('expression');
      else if (!this.#raw()) this.#tag('statement');
    }
  }

  /** Everything up to `end` is text. */
  #text(end: number, trimsEnd: boolean): void {
    const start = this.#trimsNext
      ? this.#template.slice(this.#at, end).trimStart()
      : this.#template.slice(this.#at, end);
    const text = trimsEnd ? start.trimEnd() : start;
    if (text !== '') this.pieces.push({ kind: 'text', text });
    this.#trimsNext = false;
    this.#moveTo(end);
  }

  #comment(): void {
    const end = this.#template.indexOf('#}', this.#at + 2);
    if (end < 0) throw new TemplateError('This comment is not closed: "#}" is missing.', this.#line);
    this.#trimsNext = this.#template.charAt(end - 1) === '-';
    this.#moveTo(end + 2);
  }

  /** @returns whether a `{% raw %}` block stood here. */
  #raw(): boolean {
    const start = /\{%[-+]?\s*raw\s*(?<sign>[-+]?)%\}/y;
    const end = /\{%(?<sign>[-+]?)\s*endraw\s*(?<next>[-+]?)%\}/g;
    start.lastIndex = this.#at;
    const opened = start.exec(this.#template);
    if (!opened) return false;
    end.lastIndex = start.lastIndex;
    const closed = end.exec(this.#template);
    if (!closed) throw new TemplateError('{% raw %} is not closed by {% endraw %}.', this.#line);
    this.#moveTo(start.lastIndex);
    this.#trimsNext = opened.groups?.['sign'] === '-';
    this.#text(closed.index, closed.groups?.['sign'] === '-');
    this.#moveTo(end.lastIndex);
    this.#trimsNext = closed.groups?.['next'] === '-';
    return true;
  }

  #tag(kind: 'expression' | 'statement'): void {
    const sign = this.#template.charAt(this.#at + 2);
    const start = this.#at + (sign === '-' || (sign === '+' && kind === 'statement') ? 3 : 2);
    const end = this.#endOfTag(start, kind);
    const last = this.#template.charAt(end - 1);
    const hasSign = end > start && (last === '-' || (last === '+' && kind === 'statement'));
    const source = this.#template.slice(start, hasSign ? end - 1 : end);
    if (source.trim() === '') throw new TemplateError('This tag is empty.', this.#line);
    this.pieces.push({ kind, source, line: this.#line });
    this.#trimsNext = hasSign && last === '-';
    this.#moveTo(end + 2);
  }

  /** Where the closing braces of a tag stand: not those inside of a text or of a dict. */
  #endOfTag(start: number, kind: 'expression' | 'statement'): number {
    const closing = kind === 'statement' ? '%}' : '}}';
    const open: string[] = [];
    for (let at = start; at < this.#template.length; at++) {
      const character = this.#template.charAt(at);
      if (open.length === 0 && this.#isEnd(at, closing)) return at;
      if (character === '"' || character === "'") at = this.#endOfQuoted(at);
      else this.#bracket(character, open);
    }
    const bracket = open.at(-1);
    const problem = bracket
      ? `"${bracket}" in this tag is not closed.`
      : `This tag is not closed: "${closing}" is missing.`;
    throw new TemplateError(problem, this.#line);
  }

  #isEnd(at: number, closing: '%}' | '}}'): boolean {
    if (this.#template.startsWith(closing, at)) return true;
    const wrong = closing === '}}' ? '%}' : '}}';
    if (!this.#template.startsWith(wrong, at)) return false;
    throw new TemplateError(`This tag ends in "${wrong}" instead of "${closing}".`, this.#line);
  }

  #endOfQuoted(start: number): number {
    const quote = this.#template.charAt(start);
    for (let at = start + 1; at < this.#template.length; at++) {
      const character = this.#template.charAt(at);
      if (character === quote) return at;
      if (character === '\\') at += 1;
    }
    throw new TemplateError(`A text in this tag is not closed: ${quote} is missing.`, this.#line);
  }

  #bracket(character: string, open: string[]): void {
    const pairs = new Map([
      [')', '('],
      [']', '['],
      ['}', '{'],
    ]);
    if ('([{'.includes(character)) open.push(character);
    const pair = pairs.get(character);
    if (pair !== undefined && open.pop() !== pair) {
      throw new TemplateError(
        `"${character}" closes nothing, or something else is not closed before it.`,
        this.#line,
      );
    }
    if (open.length > maxBrackets) {
      throw new TemplateError(`More than ${maxBrackets} brackets inside each other.`, this.#line);
    }
  }

  #moveTo(at: number): void {
    this.#line += this.#template.slice(this.#at, at).split('\n').length - 1;
    this.#at = at;
  }
}
