import { Environment, Interpreter } from '@huggingface/jinja';
import type { Budget } from './template-budget.ts';
import { isFunction, literals, loopFunctions, unpack } from './template-data.ts';
import { TemplateError } from './template-error.ts';
import { type Filter, ownFilters } from './template-filters.ts';
import { attributeOf } from './template-methods.ts';
import * as nodes from './template-nodes.ts';
import { operate } from './template-operators.ts';
import { readMark } from './template-parse.ts';
import { print } from './template-print.ts';
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

type Node = nodes.Node;

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
    return prints ? this.#built(wrap(print(value, this.#budget))) : value;
  }

  #mark(comment: nodes.Comment): Value {
    const { line, prints } = readMark(comment.value);
    this.#budget.line = line;
    this.#printsNext = prints;
    return undefinedValue;
  }

  #evaluateOne(node: Node, scope: Environment): Value {
    if (nodes.isIdentifier(node)) return literals.get(node.value) ?? scope.lookupVariable(node.value);
    if (nodes.isMember(node)) return this.#member(node, scope);
    if (nodes.isBinary(node)) return this.#built(this.#binary(node, scope));
    if (nodes.isCall(node)) return this.#built(this.#call(node, scope));
    if (nodes.isFilter(node)) {
      return this.#built(this.#filter(node.filter, this.evaluate(node.operand, scope), scope));
    }
    return this.#checked(this.#evaluateStatement(node, scope));
  }

  #evaluateStatement(node: Node, scope: Environment): Value {
    if (nodes.isLoop(node)) return this.#loop(node, scope);
    if (nodes.isAssignment(node)) return this.#assign(node, scope);
    if (nodes.isMacro(node)) return this.#macro(node, scope);
    if (nodes.isFilterBlock(node)) {
      return this.#built(this.#filter(node.filter, this.evaluate(nodes.block(node.body), scope), scope));
    }
    return super.evaluate(node, scope);
  }

  /** The library hands out JavaScript's undefined for an element that is not there. */
  #checked(value: Value | undefined): Value {
    if (typeof value?.value === 'string') this.#budget.checkText(value.value.length);
    return value ?? undefinedValue;
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
    const isName = !node.computed && nodes.isIdentifier(property);
    const key = isName ? wrap(property.value) : this.evaluate(property, scope);
    return attributeOf(object, key, this.#budget);
  }

  #call(node: nodes.Calling, scope: Environment): Value {
    const callee = this.evaluate(node.callee, scope);
    if (!isFunction(callee)) {
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
    if (own) return this.#ownFilter(own, filter, operand, scope);
    if (kindOf(operand) === 'dict') this.#budget.spend((sizeOf(operand) ?? 0) * 128 + 1024);
    const expression = { type: 'FilterExpression', operand: new nodes.Held(operand), filter };
    return super.evaluate(expression, scope);
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
    const macro = scope.lookupVariable(node.name.value);
    const run = macro.value;
    if (typeof run !== 'function') return defined;
    scope.setVariable(
      node.name.value,
      functionValue((args, callerScope) => {
        const own = new Environment(scope);
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
    const items = this.#chosen(node, elementsOf(iterable), scope);
    if (items.length === 0) return this.evaluate(nodes.block(node.defaultBlock), new Environment(scope));
    let output = '';
    for (const [index, item] of items.entries()) {
      const inner = this.#bound(node.loopvar, item, scope);
      inner.setVariable('loop', loopFunctions(items, index));
      output += print(this.evaluate(nodes.block(node.body), inner), this.#budget);
      this.#budget.checkText(output.length);
    }
    return wrap(output);
  }

  /** The elements that fit the loop's `if`. */
  #chosen(node: nodes.Loop, items: Value[], scope: Environment): Value[] {
    if (!nodes.isSelect(node.iterable)) return items;
    const { test } = node.iterable;
    return items.filter((item) => isTrue(this.evaluate(test, this.#bound(node.loopvar, item, scope))));
  }

  /** A scope of one round: what it sets is gone in the next, as in Jinja. */
  #bound(target: Node, item: Value, outer: Environment): Environment {
    const scope = new Environment(outer);
    const names = nodes.isTargets(target) ? target.value : [target];
    const values = nodes.isTargets(target) ? unpack(item, names.length) : [item];
    for (const [index, name] of names.entries()) {
      if (!nodes.isIdentifier(name) || literals.has(name.value))
        throw new TemplateError('A loop needs a name.');
      scope.setVariable(name.value, values[index] ?? undefinedValue);
    }
    return scope;
  }
}
