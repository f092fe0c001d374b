import type { DescribedPlugin } from '../load/describe';
import { nameOf, nodesIn, type ClassSyntax, type SyntaxNode } from '../load/syntax';

/** The members of a plugin's class that hold its store or its event bus. */
export type ServiceMembers = ReadonlySet<string>;

/** A call of a store or an event bus, such as `this.counts.update(…)`. */
export interface ServiceCall {
  readonly node: SyntaxNode;
  /** The call in words: `counts.update`. */
  readonly what: string;
  readonly method: string;
  readonly args: readonly { readonly spread: unknown; readonly expression: SyntaxNode }[];
}

/** The parameters of the constructor that are properties too, and get a store or an event bus. */
export function serviceMembers({ injected }: DescribedPlugin, syntax: ClassSyntax): ServiceMembers {
  const members = syntax.parameters().map(({ property }, index) => {
    const service = injected.find((one) => one.index === index)?.service;
    return service === 'store' || service === 'bus' ? property : undefined;
  });
  return new Set(members.filter((member) => member !== undefined));
}

/** All calls of a store or an event bus below a node. */
export function callsIn(
  body: SyntaxNode,
  members: ServiceMembers,
  enter?: (node: SyntaxNode) => boolean,
): ServiceCall[] {
  return [...nodesIn(body, enter)].flatMap((node) => callOf(node, members) ?? []);
}

export function callOf(node: SyntaxNode, members: ServiceMembers): ServiceCall | undefined {
  const callee = calleeOf(node);
  if (!callee) return undefined;
  const method = nameOf(callee['property']);
  const member = memberOf(callee['object'] as SyntaxNode, members);
  if (method === undefined || member === undefined) return undefined;
  return { node, what: `${member}.${method}`, method, args: node['arguments'] as ServiceCall['args'] };
}

/** Whether a node is a call of `afterCommit`, in which the store and the event bus work as outside of a handler. */
export function isAfterCommit(node: SyntaxNode): boolean {
  return nameOf(calleeOf(node)?.['property']) === 'afterCommit';
}

/** The member in `this.member`, or in `this.member.scope(…)`. */
function memberOf(node: SyntaxNode, members: ServiceMembers): string | undefined {
  const callee = calleeOf(node);
  if (callee)
    return nameOf(callee['property']) === 'scope' ? memberOf(callee['object'] as SyntaxNode, members) : undefined;
  if (node.type !== 'MemberExpression' || (node['object'] as SyntaxNode).type !== 'ThisExpression') return undefined;
  const name = nameOf(node['property']);
  return name !== undefined && members.has(name) ? name : undefined;
}

/** The `object.property` that a node calls. */
function calleeOf(node: SyntaxNode): SyntaxNode | undefined {
  const callee = node.type === 'CallExpression' ? (node['callee'] as SyntaxNode) : undefined;
  return callee?.type === 'MemberExpression' ? callee : undefined;
}
