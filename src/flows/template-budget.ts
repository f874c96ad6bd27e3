import { TemplateError } from './template-error.ts';

/** UTF-16 units of one text that a template builds. The output is limited to as many bytes of UTF-8. */
export const maxText = 256 * 1024;
/** Elements of a range or of a loop. */
const maxItems = 10_000;
/** Evaluated expressions and statements, and values compared or printed: about 100 ms of work. */
const maxSteps = 200_000;
/** Expressions, blocks and macro calls inside each other: far from the end of the stack. */
const maxDepth = 400;
/** About the bytes that all texts and lists built in one rendering take together, whether still in use or not. */
const maxBytes = 32 * 1024 * 1024;
/** Values in the data that one rendering looks at: a JSON body of 1 MiB holds at most half a million. */
const maxDataValues = 600_000;
/** A list in a list in a list. */
export const maxNesting = 200;

/** What one rendering has used so far of steps, depth and memory. It throws a `TemplateError` when a bound is passed. */
export class Budget {
  /** The line of the tag that is being rendered. */
  line: number | null = null;
  #steps = 0;
  #depth = 0;
  #bytes = 0;
  #dataValues = 0;

  step(): void {
    this.#steps += 1;
    if (this.#steps > maxSteps) throw new TemplateError('The template does too much work.');
  }

  enter(): void {
    this.step();
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new TemplateError('The template is nested too deeply.');
  }

  leave(): void {
    this.#depth -= 1;
  }

  spend(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > maxBytes) throw new TemplateError('The template builds too much.');
  }

  /** @param length of a text in UTF-16 units that is built or about to be built. */
  checkText(length: number): void {
    if (length > maxText)
      throw new TemplateError('A text in the template becomes too long (limit: 256 KiB).');
  }

  checkItems(count: number): void {
    if (count > maxItems) {
      throw new TemplateError(`A range or loop has at most ${maxItems} elements; this one has more.`);
    }
  }

  countData(): void {
    this.#dataValues += 1;
    if (this.#dataValues > maxDataValues) throw new TemplateError('The data has too many values.');
  }
}
