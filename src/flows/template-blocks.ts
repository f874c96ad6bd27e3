import { TemplateError } from './template-error.ts';

/** Blocks inside each other: the parser recurses. */
const maxBlocks = 40;

/** What Jinja has, and a template that sees only its data has no use for. */
const unsupported = new Set([
  'include',
  'import',
  'from',
  'extends',
  'block',
  'with',
  'autoescape',
  'do',
  'trans',
  'debug',
  'break',
  'continue',
]);

const blocks = new Set(['if', 'for', 'macro', 'call', 'filter', 'set']);

/**
 * Checks that blocks are closed in the order in which they were opened.
 * The parser would find out too, but not say which tag it is about.
 */
export class Blocks {
  readonly #open: { keyword: string; line: number; hasElse: boolean }[] = [];

  /**
   * Takes the next statement of the template.
   * @param isAssignment `{% set a = 1 %}`, which opens no block.
   * @throws TemplateError when it cannot stand here.
   */
  take(keyword: string, line: number, isAssignment: boolean): void {
    if (keyword === 'else' || keyword === 'elif') this.#branch(keyword, line);
    else if (blocks.has(keyword)) {
      if (!isAssignment) this.#open.push({ keyword, line, hasElse: false });
    } else if (keyword.startsWith('end') && blocks.has(keyword.slice(3))) this.#close(keyword, line);
    else if (unsupported.has(keyword)) throw new TemplateError(`{% ${keyword} %} is not supported.`, line);
    else throw new TemplateError(`There is no statement {% ${keyword.slice(0, 40)} %}.`, line);
    if (this.#open.length > maxBlocks) {
      throw new TemplateError(`More than ${maxBlocks} blocks inside each other.`, line);
    }
  }

  /** @throws TemplateError when a block is left open. */
  end(): void {
    const left = this.#open.at(-1);
    if (left) {
      throw new TemplateError(`{% ${left.keyword} %} is not closed by {% end${left.keyword} %}.`, left.line);
    }
  }

  #branch(keyword: 'else' | 'elif', line: number): void {
    const block = this.#open.at(-1);
    const fits = block?.keyword === 'if' || (block?.keyword === 'for' && keyword === 'else');
    if (!block || !fits) throw new TemplateError(`{% ${keyword} %} belongs into an if or for block.`, line);
    if (block.hasElse) throw new TemplateError(`{% ${keyword} %} comes after {% else %}.`, line);
    block.hasElse = keyword === 'else';
  }

  #close(keyword: string, line: number): void {
    const block = this.#open.pop();
    if (!block) throw new TemplateError(`{% ${keyword} %} closes nothing.`, line);
    if (keyword !== `end${block.keyword}`) {
      const opened = `{% ${block.keyword} %} of line ${block.line}`;
      throw new TemplateError(`{% ${keyword} %} cannot close ${opened}.`, line);
    }
  }
}
