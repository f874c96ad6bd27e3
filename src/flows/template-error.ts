/** What is wrong with a template, or with rendering it, in words for its author. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** The line of the template, counted from 1; null where it cannot be known. */
  readonly line: number | null;

  constructor(message: string, line: number | null = null) {
    super(message);
    this.line = line;
  }
}

/**
 * Turns whatever ended the work on a template into a `TemplateError`.
 * @param line where the work was, used when the error does not know better.
 * @example toTemplateError(new RangeError('Maximum call stack size exceeded'), 3); // "The template is nested too deeply ..." line 3
 */
export function toTemplateError(error: unknown, line: number | null): TemplateError {
  if (error instanceof TemplateError) {
    return error.line === null ? new TemplateError(error.message, line) : error;
  }
  return new TemplateError(messageOf(error), line);
}

function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error) {
    if (error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'The template takes too long.';
  }
  if (error instanceof RangeError) return 'The template is nested too deeply, or builds something too large.';
  // An error without words for the author: the library stumbled over what it does not expect.
  if (!(error instanceof Error) || error instanceof TypeError) return 'This cannot be evaluated.';
  return inPlainWords(error.message);
}

/** The library's class names, as an author knows them. */
const words: [className: string, word: string][] = [
  ['KeywordArgumentsValue', 'named arguments'],
  ['NamespaceValue', 'a namespace'],
  ['UndefinedValue', 'an undefined value'],
  ['FunctionValue', 'a function'],
  ['IntegerValue', 'an integer'],
  ['NumericValue', 'a number'],
  ['BooleanValue', 'a boolean'],
  ['StringValue', 'a string'],
  ['ObjectValue', 'a dict'],
  ['ArrayValue', 'a list'],
  ['TupleValue', 'a list'],
  ['FloatValue', 'a float'],
  ['NullValue', 'none'],
];

/** Long names in a template make long messages. */
const maxMessage = 300;

function inPlainWords(message: string): string {
  const unknownFilter = /^Unknown (?<type>\w+) filter: (?<filter>\w+)$/.exec(message)?.groups;
  const text = unknownFilter
    ? `The filter "${unknownFilter['filter'] ?? ''}" cannot be applied to ${unknownFilter['type'] ?? ''} in this way.`
    : message;
  const plain = words.reduce((changed, [className, word]) => changed.replaceAll(className, word), text);
  return plain.length > maxMessage ? `${plain.slice(0, maxMessage)}...` : plain;
}
