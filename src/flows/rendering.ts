import { setImmediate } from 'node:timers/promises';
import { retryIfStalled } from './retry-if-stalled.ts';
import { compileTemplate, TemplateError } from './template.ts';

/** What templates see: earlier results by their refs, and what is known about them in `steps`. */
export type Scope = {
  event: unknown;
  props: unknown;
  steps: Record<string, unknown>;
  [ref: string]: unknown;
};

/** What went wrong: where, and in which line of the template. */
export type FlowError = { where: string; message: string; line: number | null };

/** A flow that cannot go on, because of what its author or its sender wrote. */
export class FlowFailure extends Error {
  override name = 'FlowFailure';
  readonly error: FlowError;

  constructor(error: FlowError, cause?: unknown) {
    super(error.message, { cause });
    this.error = error;
  }
}

/** UTF-16 units that all templates of a run may become together. */
const maxLength = 4 * 1024 * 1024;
/** Milliseconds that rendering them may take together: a step may hold thousands of them. */
const maxMs = 1000;

/** Renders the templates of one run, with bounds on all of them together. */
export class Rendering {
  readonly #scope: Scope;
  #length = 0;
  #ms = 0;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Every text in a value, rendered. @throws FlowFailure */
  async render(value: unknown, where: string): Promise<unknown> {
    if (typeof value === 'string') return this.renderText(value, where);
    if (typeof value !== 'object' || value === null) return value;
    const rendered: [string, unknown][] = [];
    for (const [name, part] of Object.entries(value))
      rendered.push([name, await this.render(part, `${where}.${name}`)]);
    return Array.isArray(value) ? rendered.map(([, part]) => part) : Object.fromEntries(rendered);
  }

  /** @throws FlowFailure */
  async renderText(template: string, where: string): Promise<string> {
    // Each may hold up the process for a while: between two of them, others have their turn.
    await setImmediate();
    const beganAt = performance.now();
    const text = renderOne(template, this.#scope, where);
    this.#ms += performance.now() - beganAt;
    this.#length += text.length;
    if (this.#ms > maxMs) throw failure('The templates of this flow take too long together.', where);
    if (this.#length > maxLength)
      throw failure('The templates of this flow become too long together.', where);
    return text;
  }
}

function renderOne(template: string, scope: Scope, where: string): string {
  try {
    return retryIfStalled(() => compileTemplate(template).render(scope));
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new FlowFailure({ where, message: error.message, line: error.line }, error);
  }
}

function failure(message: string, where: string): FlowFailure {
  return new FlowFailure({ where, message, line: null });
}
