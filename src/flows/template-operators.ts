import { type Budget, maxNesting } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import { print } from './template-print.ts';
import { includes } from './template-text.ts';
import { float, integer, kindOf, list, named, numberOf, type Value, wrap } from './template-values.ts';

/**
 * What `left operator right` is, as in Python: the library's own operators compare as JavaScript does (`"1" == 1`), join texts with
 * whatever there is, divide by zero, and search in a way that nothing can cut.
 * `and` and `or` are not among them: they may not look at their right side.
 */
export function operate(operator: string, [left, right]: [Value, Value], budget: Budget): Value {
  switch (operator) {
    case '==':
      return wrap(isEqual(left, right, budget));
    case '!=':
      return wrap(!isEqual(left, right, budget));
    case 'in':
      return wrap(contains(right, left, budget));
    case 'not in':
      return wrap(!contains(right, left, budget));
    case '~':
      return joined(print(left, budget), print(right, budget), budget);
    case '<':
      return wrap(order(left, right) < 0);
    case '<=':
      return wrap(order(left, right) <= 0);
    case '>':
      return wrap(order(left, right) > 0);
    case '>=':
      return wrap(order(left, right) >= 0);
    default:
      return combine(operator, [left, right], budget);
  }
}

/** Equal by value, as in Python: 1, 1.0 and true are; "1" and 1 are not; lists and dicts are when their contents are. */
function isEqual(left: Value, right: Value, budget: Budget, depth = 0): boolean {
  budget.step();
  if (depth > maxNesting) throw new TemplateError('The values are nested too deeply to be compared.');
  const [a, b] = [left.value, right.value];
  const isSame = (one: Value, other: Value | undefined) =>
    other !== undefined && isEqual(one, other, budget, depth + 1);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && Array.from(a).every(([key, member]) => isSame(member, b.get(key)));
  }
  return isEqualScalar(left, right);
}

function isEqualScalar(left: Value, right: Value): boolean {
  const [x, y] = [numberOf(left), numberOf(right)];
  if (x !== null || y !== null) return x === y;
  return left.value === right.value && kindOf(left) === kindOf(right); // none and undefined hold the same
}

function contains(container: Value, value: Value, budget: Budget): boolean {
  const inner = container.value;
  if (kindOf(container) === 'undefined') return false;
  if (Array.isArray(inner)) return inner.some((item) => isEqual(item, value, budget));
  if (inner instanceof Map && kindOf(container) === 'dict') {
    return typeof value.value === 'string' && inner.has(value.value);
  }
  if (typeof inner === 'string' && typeof value.value === 'string') return includes(inner, value.value);
  throw new TemplateError(`"in" cannot look for ${named(value)} in ${named(container)}.`);
}

/** Negative: `left` comes first; 0: neither. @throws TemplateError for what has no order, such as a text and a number. */
export function order(left: Value, right: Value): number {
  const [x, y] = [numberOf(left) ?? left.value, numberOf(right) ?? right.value];
  const areNumbers = typeof x === 'number' && typeof y === 'number';
  const areTexts = typeof x === 'string' && typeof y === 'string';
  if (!areNumbers && !areTexts) {
    throw new TemplateError(`One cannot say which is greater: ${named(left)} or ${named(right)}.`);
  }
  if (x === y) return 0;
  return x < y ? -1 : 1;
}

function combine(operator: string, [left, right]: [Value, Value], budget: Budget): Value {
  const combined = calculated(operator, left, right) ?? textsOrLists(operator, [left, right], budget);
  if (combined) return combined;
  const hint = operator === '+' ? '; "~" joins texts with anything' : '';
  throw new TemplateError(`"${operator}" cannot be applied to ${named(left)} and ${named(right)}${hint}.`);
}

function calculated(operator: string, left: Value, right: Value): Value | null {
  const [x, y] = [numberOf(left), numberOf(right)];
  if (x === null || y === null) return null;
  const isFloat = kindOf(left) === 'float' || kindOf(right) === 'float';
  const isFraction = operator === '/' || (operator === '**' && y < 0);
  const result = calculate(operator, x, y);
  return isFloat || isFraction ? float(result) : integer(result);
}

function textsOrLists(operator: string, [left, right]: [Value, Value], budget: Budget): Value | null {
  if (operator === '*') return multiplied(left, right, budget);
  return operator === '+' ? added(left, right, budget) : null;
}

function added({ value: a }: Value, { value: b }: Value, budget: Budget): Value | null {
  if (typeof a === 'string' && typeof b === 'string') return joined(a, b, budget);
  return Array.isArray(a) && Array.isArray(b) ? list([...a, ...b]) : null;
}

/** A text, several times. */
function multiplied(left: Value, right: Value, budget: Budget): Value | null {
  const [text, times] = typeof left.value === 'string' ? [left, right] : [right, left];
  if (typeof text.value !== 'string' || typeof times.value !== 'number' || kindOf(times) !== 'integer')
    return null;
  const count = Math.max(times.value, 0);
  budget.checkText(text.value.length * count);
  return wrap(text.value.repeat(count));
}

function calculate(operator: string, x: number, y: number): number {
  if (y === 0 && ['/', '//', '%'].includes(operator)) throw new TemplateError('Division by zero.');
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '//':
      return Math.floor(x / y);
    case '%':
      return x - y * Math.floor(x / y); // the sign of the divisor, as in Python
    case '**':
      return x ** y;
    default:
      throw new TemplateError(`"${operator}" cannot be applied to numbers.`);
  }
}

function joined(left: string, right: string, budget: Budget): Value {
  budget.checkText(left.length + right.length);
  return wrap(left + right);
}
