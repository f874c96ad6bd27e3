import { ownFilters } from './template-filters.ts';
import { TemplateError } from './template-error.ts';

type Token = { value: string; type: string };

/** Filters that the library does well. */
const libraryFilters = [
  'abs',
  'bool',
  'dictsort',
  'map',
  'rejectattr',
  'reverse',
  'safe',
  'selectattr',
  'sort',
  'unique',
];
const filters = new Set([...libraryFilters, ...ownFilters.keys()]);

const tests = new Set([
  'boolean',
  'callable',
  'defined',
  'even',
  'false',
  'integer',
  'iterable',
  'lower',
  'mapping',
  'none',
  'number',
  'odd',
  'sequence',
  'string',
  'true',
  'undefined',
  'upper',
]);

/**
 * Checks that the filters and tests of a tag exist, that its integers are exact, and that no comparison is chained:
 * Python reads `1 < a < 5` as "between", the library does not.
 * @throws TemplateError
 */
export function checkNames(tokens: Token[], line: number): void {
  for (const [index, { value, type }] of tokens.entries()) {
    if (type === 'NumericLiteral') checkNumber(value, line);
    if (type === 'Pipe' || (index === 1 && value === 'filter')) checkFilter(tokens[index + 1], line);
    if (isWord(tokens, index, 'is')) {
      checkTest(isWord(tokens, index + 1, 'not') ? tokens[index + 2] : tokens[index + 1], line);
    }
  }
  checkComparisons(tokens, line);
}

function checkNumber(text: string, line: number): void {
  if (!text.includes('.') && !Number.isSafeInteger(Number(text))) {
    throw new TemplateError(`The number ${text.slice(0, 40)} is too large to be exact.`, line);
  }
}

function checkFilter(name: Token | undefined, line: number): void {
  if (name?.type === 'Identifier' && !filters.has(name.value)) {
    throw new TemplateError(`There is no filter "${name.value.slice(0, 40)}".`, line);
  }
}

function checkTest(name: Token | undefined, line: number): void {
  if (name?.type === 'Identifier' && !tests.has(name.value)) {
    throw new TemplateError(`There is no test "is ${name.value.slice(0, 40)}".`, line);
  }
}

/** Whether a keyword stands here, and not an attribute or text of that name. */
function isWord(tokens: Token[], index: number, word: string): boolean {
  const token = tokens[index];
  return token?.type === 'Identifier' && token.value === word && tokens[index - 1]?.type !== 'Dot';
}

function checkComparisons(tokens: Token[], line: number): void {
  /** For each open bracket: whether a comparison goes on. */
  const compares = [false];
  const start = startOfExpression(tokens);
  for (const [index, { type }] of tokens.entries()) {
    if (type.startsWith('Open')) compares.push(false);
    else if (type.startsWith('Close')) compares.pop();
    else if (separates(tokens, index)) compares[compares.length - 1] = false;
    else if (index >= start && isComparison(tokens, index)) {
      if (compares.pop())
        throw new TemplateError('Join comparisons with "and", such as 1 < a and a < 5.', line);
      compares.push(true);
    }
  }
}

/** The `in` of a loop is no comparison. */
function startOfExpression(tokens: Token[]): number {
  return tokens[1]?.value === 'for' ? tokens.findIndex((_, index) => isWord(tokens, index, 'in')) + 1 : 0;
}

function isComparison(tokens: Token[], index: number): boolean {
  return tokens[index]?.type === 'ComparisonBinaryOperator' || isWord(tokens, index, 'in');
}

/** Whether an expression ends here, and another begins. */
function separates(tokens: Token[], index: number): boolean {
  const isSign = /^(?:Comma|Colon|Equals)$/.test(tokens[index]?.type ?? '');
  return isSign || ['and', 'or', 'if', 'else'].some((word) => isWord(tokens, index, word));
}
