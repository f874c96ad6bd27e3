import { parse as parseTokens, tokenize } from '@huggingface/jinja';
import { Blocks } from './template-blocks.ts';
import { TemplateError } from './template-error.ts';
import { checkNames } from './template-names.ts';
import { type Piece, scan } from './template-scan.ts';

export type Program = ReturnType<typeof parseTokens>;
type Token = Parameters<typeof parseTokens>[0][number];

/** Tokens of one template: they and the tree take about 200 bytes each. */
const maxTokens = 20_000;

/** Before each tag stands a comment that says its line, and that the value of an expression is to be printed. */
const printMark = 'print ';

/** @returns the line in a mark, and whether what follows is printed; null: an ordinary comment. */
export function readMark(comment: string): { line: number; prints: boolean } {
  const prints = comment.startsWith(printMark);
  return { line: Number(prints ? comment.slice(printMark.length) : comment), prints };
}

/**
 * Parses a template.
 * @returns the library's tree, and the number of tokens as a measure of its size.
 * @throws TemplateError with the line of the tag that is wrong.
 */
export function parse(template: string): { program: Program; tokenCount: number } {
  const reader: Reader = { last: null };
  const tokens = tokensOf(scan(template)).map((located) => new WatchedToken(located, reader));
  try {
    return { program: parseTokens(tokens), tokenCount: tokens.length };
  } catch (error) {
    const line = reader.last?.line ?? null;
    if (error instanceof RangeError) throw new TemplateError('The template is nested too deeply.', line);
    const text = reader.last?.token.value.slice(0, 40) ?? '';
    throw new TemplateError(`This is not valid at or before ${JSON.stringify(text)}.`, line);
  }
}

/** `line` is null for what is in no tag. */
type Located = { token: Token; line: number | null };
/** The token of a tag that the parser has looked at last: the one that it gives up on. */
type Reader = { last: Located | null };

class WatchedToken {
  readonly value: string;
  readonly #located: Located;
  readonly #reader: Reader;

  constructor(located: Located, reader: Reader) {
    this.value = located.token.value;
    this.#located = located;
    this.#reader = reader;
  }

  get type(): Token['type'] {
    const { line, token } = this.#located;
    if (line !== null && token.type !== 'Comment') this.#reader.last = this.#located;
    return token.type;
  }
}

function tokensOf(pieces: Piece[]): Located[] {
  const located: Located[] = [];
  const blocks = new Blocks();
  for (const piece of pieces) {
    if (piece.kind === 'text') {
      located.push({ token: { value: piece.text, type: 'Text' }, line: null });
      continue;
    }
    const { kind, line } = piece;
    const tokens = tokensOfTag(piece);
    if (kind === 'statement') takeStatement(blocks, tokens, line);
    checkNames(tokens, line);
    const mark = kind === 'expression' ? `${printMark}${line}` : String(line);
    located.push({ token: { value: mark, type: 'Comment' }, line });
    for (const token of tokens) located.push({ token, line });
    if (located.length > maxTokens) throw new TemplateError('The template has too many tags.', line);
  }
  blocks.end();
  return located;
}

function takeStatement(blocks: Blocks, tokens: Token[], line: number): void {
  const keyword = tokens[1]?.value ?? '';
  const isAssignment = keyword === 'set' && tokens.some(({ type }) => type === 'Equals');
  blocks.take(keyword, line, isAssignment);
}

function tokensOfTag({ kind, source, line }: Exclude<Piece, { kind: 'text' }>): Token[] {
  const tokens = tokenizeTag(kind === 'statement' ? `{% ${source} %}` : `{{ ${source} }}`, line);
  // The scanner has found one tag; should the tokenizer see another end of it, then something is odd.
  const inner = tokens.slice(1, -1).map(({ type }) => type);
  const isOdd = inner.some((type) => /^(?:Text|Comment|(?:Open|Close)(?:Statement|Expression))$/.test(type));
  const ends = kind === 'statement' ? 'CloseStatement' : 'CloseExpression';
  if (isOdd || inner.length === 0 || tokens.at(-1)?.type !== ends) {
    throw new TemplateError('This tag cannot be read.', line);
  }
  return tokens;
}

function tokenizeTag(tag: string, line: number): Token[] {
  try {
    return tokenize(tag);
  } catch (error) {
    throw new TemplateError(
      error instanceof SyntaxError ? `${error.message}.` : 'This tag cannot be read.',
      line,
    );
  }
}
