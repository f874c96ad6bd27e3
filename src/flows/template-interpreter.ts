import { type Environment, Interpreter } from '@huggingface/jinja';
import type { Budget } from './template-budget.ts';
import { TemplateError } from './template-error.ts';
import { type Filter, ownFilters } from './template-filters.ts';
import { elementOf, memberOf } from './template-methods.ts';
import * as nodes from './template-nodes.ts';
import type { Node } from './template-nodes.ts';
import { operate } from './template-operators.ts';
import { readMark } from './template-parse.ts';
import { print } from './template-print.ts';
import { innerScope, literals, RoundVariables, unpack, valueOf } from './template-scope.ts';
import {
  elementsOf,
  functionValue,
  isTrue,
  kindOf,
  sizeOf,
  undefinedValue,
  type Value,
  wrap,
} from './template-values.ts';

/**
 * The library's interpreter for templates and data that are not trusted. Everything that it evaluates passes `evaluate`, which
 * counts and bounds. What can grow, take long or differs from Jinja is done here; the rest by the library, on operands held ready.
 */
export class BoundedInterpreter extends Interpreter {
  readonly #budget: Budget;
  /** What is evaluated next stands in `{{ }}`. */
  #printsNext = false;

  constructor(scope: Environment, budget: Budget) {
    super(scope);
    this.#budget = budget;
  }

  override evaluate(node: Node | undefined, scope: Environment): Value {
    if (!node) return undefinedValue;
    if (node instanceof nodes.Held) return node.value;
    if (nodes.isComment(node)) return this.#mark(node);
    const prints = this.#printsNext;
    this.#printsNext = false;
    this.#budget.enter();
    const value = this.#evaluateOne(node, scope);
    this.#budget.leave();
    return prints ? this.#printed(value) : value;
  }

  #mark(comment: nodes.Comment): Value {
    const { line, prints } = readMark(comment.value);
    this.#budget.line = line;
    this.#printsNext = prints;
    return undefinedValue;
  }

  #evaluateOne(node: Node, scope: Environment): Value {
    if (nodes.isIdentifier(node)) return literals.get(node.value) ?? valueOf(node.value, scope);
    if (nodes.isMember(node)) return this.#member(node, scope);
    if (nodes.isBinary(node)) return this.#built(this.#binary(node, scope));
    if (nodes.isCall(node)) return this.#built(this.#call(node, scope));
    if (nodes.isFilter(node)) return this.#filter(node.filter, this.evaluate(node.operand, scope), scope);
    return this.#checked(this.#evaluateStatement(node, scope));
  }

  #evaluateStatement(node: Node, scope: Environment): Value {
    if (nodes.isLoop(node)) return this.#loop(node, scope);
    if (nodes.isAssignment(node)) return this.#assign(node, scope);
    if (nodes.isMacro(node)) return this.#macro(node, scope);
    if (nodes.isCallBlock(node)) return this.#printed(super.evaluate(node, scope));
    if (!nodes.isFilterBlock(node)) return super.evaluate(node, scope);
    return this.#printed(this.#filter(node.filter, this.evaluate(nodes.block(node.body), scope), scope));
  }

  /** The library hands out JavaScript's undefined for an element that is not there. */
  #checked(value: Value | undefined): Value {
    if (typeof value?.value === 'string') this.#budget.checkText(value.value.length);
    return value ?? undefinedValue;
  }

  /** Whatever stands in a block is printed here: the library would print without bounds. */
  #printed(value: Value): Value {
    return this.#built(kindOf(value) === 'string' ? value : wrap(print(value, this.#budget)));
  }

  /** Checks and counts what is new in memory. */
  #built(value: Value | undefined): Value {
    const checked = this.#checked(value);
    const size = sizeOf(checked) ?? 0;
    this.#budget.spend(kindOf(checked) === 'string' ? size * 2 : size * 16);
    return checked;
  }

  #binary(node: nodes.Binary, scope: Environment): Value {
    const operator = node.operator.value;
    const left = this.evaluate(node.left, scope);
    if (operator === 'and') return isTrue(left) ? this.evaluate(node.right, scope) : left;
    if (operator === 'or') return isTrue(left) ? left : this.evaluate(node.right, scope);
    const right = this.evaluate(node.right, scope);
    if (operator === '+') this.#budget.spend(((sizeOf(left) ?? 0) + (sizeOf(right) ?? 0)) * 2);
    return operate(operator, [left, right], this.#budget);
  }

  #member(node: nodes.Member, scope: Environment): Value {
    const object = this.evaluate(node.object, scope);
    if (kindOf(object) === 'undefined') {
      throw new TemplateError(`${nodes.describe(node.object)} is undefined, so it has no members.`);
    }
    if (node.property.type === 'SliceExpression') {
      return this.#built(super.evaluate(nodes.changed(node, { object: new nodes.Held(object) }), scope));
    }
    const { property } = node;
    if (!node.computed && nodes.isIdentifier(property)) return memberOf(object, property.value, this.#budget);
    return elementOf(object, this.evaluate(property, scope), this.#budget);
  }

  #call(node: nodes.Calling, scope: Environment): Value {
    const callee = this.evaluate(node.callee, scope);
    if (kindOf(callee) !== 'function') {
      throw new TemplateError(`${nodes.describe(node.callee)} is ${kindOf(callee)}, not a function.`);
    }
    const { line } = this.#budget;
    const value = super.evaluate(nodes.changed(node, { callee: new nodes.Held(callee) }), scope);
    this.#budget.line = line; // a macro has lines of its own
    return value;
  }

  #filter(filter: Node, operand: Value, scope: Environment): Value {
    const name = nodes.isCall(filter) ? filter.callee : filter;
    const own = nodes.isIdentifier(name) ? ownFilters.get(name.value) : undefined;
    if (own) return this.#built(this.#ownFilter(own, filter, operand, scope));
    if (kindOf(operand) === 'dict') this.#budget.spend((sizeOf(operand) ?? 0) * 128 + 1024);
    const expression = { type: 'FilterExpression', operand: new nodes.Held(operand), filter };
    return this.#built(super.evaluate(expression, scope));
  }

  /** Evaluates the arguments by calling the filter as a function. */
  #ownFilter(filter: Filter, node: Node, operand: Value, scope: Environment): Value {
    if (!nodes.isCall(node)) return filter(operand, [], this.#budget);
    const callee = new nodes.Held(functionValue((args) => filter(operand, args, this.#budget)));
    return super.evaluate(nodes.changed(node, { callee }), scope);
  }

  #assign(node: nodes.Assignment, scope: Environment): Value {
    const { assignee } = node;
    const targets = nodes.isTargets(assignee) ? assignee.value : [assignee];
    for (const target of targets) {
      const isName = nodes.isIdentifier(target) && !literals.has(target.value);
      if (!isName && !nodes.isMember(target))
        throw new TemplateError('"set" needs a name to give to the value.');
    }
    const value = this.evaluate(node.value ?? nodes.block(node.body), scope);
    if (nodes.isTargets(assignee)) unpack(value, targets.length);
    return super.evaluate(nodes.changed(node, { value: new nodes.Held(value) }), scope);
  }

  /** A macro sees the names around its definition, and its caller's block; in the library it sees all of its caller's names. */
  #macro(node: nodes.MacroDefinition, scope: Environment): Value {
    const defined = super.evaluate(node, scope);
    const macro = valueOf(node.name.value, scope);
    const run = macro.value;
    if (typeof run !== 'function') return defined;
    scope.setVariable(
      node.name.value,
      functionValue((args, callerScope) => {
        const own = innerScope(scope);
        const caller = callerScope.variables.get('caller');
        if (caller) own.setVariable('caller', caller);
        return run(args, own);
      }),
    );
    return defined;
  }

  #loop(node: nodes.Loop, scope: Environment): Value {
    const source = nodes.isSelect(node.iterable) ? node.iterable.lhs : node.iterable;
    const iterable = this.evaluate(source, scope);
    this.#budget.checkItems(sizeOf(iterable) ?? 0);
    const round = innerScope(scope); // costly to make: one for all rounds
    const items = this.#chosen(node, elementsOf(iterable), round);
    round.variables = new Map();
    if (items.length === 0) return this.evaluate(nodes.block(node.defaultBlock), round);
    let output = '';
    for (const [index, item] of items.entries()) {
      this.#begin(round, node.loopvar, [item, index], items);
      output += print(this.evaluate(nodes.block(node.body), round), this.#budget);
      this.#budget.checkText(output.length);
    }
    return wrap(output);
  }

  /** The elements that fit the loop's `if`. */
  #chosen(node: nodes.Loop, items: Value[], round: Environment): Value[] {
    if (!nodes.isSelect(node.iterable)) return items;
    const { test } = node.iterable;
    return items.filter((item, index) => {
      this.#begin(round, node.loopvar, [item, index], items);
      return isTrue(this.evaluate(test, round));
    });
  }

  /** Begins a round of a loop: what the last one has set is gone, as in Jinja. */
  #begin(round: Environment, target: Node, [item, index]: [Value, number], items: Value[]): void {
    round.variables = new RoundVariables(items, index);
    const names = nodes.isTargets(target) ? target.value : [target];
    const values = nodes.isTargets(target) ? unpack(item, names.length) : [item];
    for (const [position, name] of names.entries()) {
      if (!nodes.isIdentifier(name) || literals.has(name.value))
        throw new TemplateError('A loop needs a name.');
      round.setVariable(name.value, values[position] ?? undefinedValue);
    }
  }
}
