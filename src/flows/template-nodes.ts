import type { Interpreter } from '@huggingface/jinja';
import type { Value } from './template-values.ts';

/** A node of the library's tree. It exports no types for the kinds of nodes: here are those that Bellhop looks into. */
export type Node = NonNullable<Parameters<Interpreter['evaluate']>[0]>;

export type Body = { type: string; body: Node[] };
export type Comment = { type: string; value: string };
export type Named = { type: string; value: string };
export type Binary = { type: string; operator: { value: string }; left: Node; right: Node };
export type FilterCall = { type: string; filter: Node };
export type Member = { type: string; object: Node; property: Node; computed: boolean };
export type Calling = { type: string; callee: Node; args: Node[] };
export type Select = { type: string; lhs: Node; test: Node };
export type Loop = { type: string; loopvar: Node; iterable: Node; body: Node[]; defaultBlock: Node[] };
export type Assignment = { type: string; assignee: Node; value: Node | null; body: Node[] };
export type Targets = { type: string; value: Node[] };
export type MacroDefinition = { type: string; name: Named };

export const isComment = (node: Node): node is Comment => node.type === 'Comment';
export const isIdentifier = (node: Node): node is Named => node.type === 'Identifier';
export const isBinary = (node: Node): node is Binary => node.type === 'BinaryExpression';
export const isFilter = (node: Node): node is FilterCall & { operand: Node } =>
  node.type === 'FilterExpression';
export const isFilterBlock = (node: Node): node is FilterCall & Body => node.type === 'FilterStatement';
export const isMember = (node: Node): node is Member => node.type === 'MemberExpression';
export const isCall = (node: Node): node is Calling => node.type === 'CallExpression';
export const isSelect = (node: Node): node is Select => node.type === 'SelectExpression';
export const isLoop = (node: Node): node is Loop => node.type === 'For';
export const isAssignment = (node: Node): node is Assignment => node.type === 'Set';
export const isTargets = (node: Node): node is Targets => node.type === 'TupleLiteral';
export const isCallBlock = (node: Node): boolean => node.type === 'CallStatement';
export const isMacro = (node: Node): node is MacroDefinition => node.type === 'Macro';

/** A node that stands for a value which is known already: what is handed to the library in place of an operand. */
export class Held {
  readonly type = 'Held';
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}

/** A copy of a node with other parts. */
export function changed<Kind extends Node>(node: Kind, change: Partial<Kind>): Kind {
  return Object.assign({}, node, change);
}

export function block(body: Node[]): Body {
  return { type: 'Program', body };
}

/** How an author calls what a node stands for. @example of the node of a["b"].c: 'a.b.c' */
export function describe(node: Node): string {
  const path = pathOf(node);
  return path === null ? 'a value' : `"${path}"`;
}

function pathOf(node: Node): string | null {
  if (isIdentifier(node)) return node.value;
  if (!isMember(node) || !('value' in node.property)) return null;
  const path = pathOf(node.object);
  const isName = !node.computed || node.property.type.endsWith('Literal');
  return path === null || !isName ? null : `${path}.${String(node.property.value)}`;
}
