import { JetplugError, type ErrorCode } from '../../sdk/internal';
import type { DescribedPlugin } from '../load/describe';
import { ClassSyntax, nameOf, nodesIn, type SyntaxNode } from '../load/syntax';

/** A member of the plugin's class that holds the plugin's store or event bus. */
type Services = ReadonlyMap<string, 'store' | 'bus'>;

/** A call of a store or an event bus, such as `this.counts.update(…)`. */
interface ServiceCall {
  /** The call in words: `counts.update`. */
  readonly what: string;
  readonly method: string;
  readonly args: readonly { readonly spread: unknown; readonly expression: SyntaxNode }[];
}

/** The index of the options `{ for }` in each call that needs them in a handler of batches. */
const OPTIONS_INDEX: Readonly<Record<string, number>> = { update: 2, delete: 1, publish: 2 };
/** The methods whose promise must be awaited. */
const AWAITED = new Set(['update', 'delete', 'publish', 'commit']);
const OUTCOMES = new Set(['Reject', 'RetryLater', 'BatchFailure']);

/** Mistakes in the source of a plugin's class that a host would only meet when a handler runs. */
export interface SourceFindings {
  readonly problems: readonly JetplugError[];
  readonly warnings: readonly JetplugError[];
}

/** Reads the source of a plugin's class. Finds nothing in code that calls the services in other ways than by `this`. */
export function checkSource(plugin: DescribedPlugin): SourceFindings {
  const syntax = ClassSyntax.find(plugin.sources, plugin.className);
  if (!syntax) return { problems: [], warnings: [] };
  const services = servicesIn(plugin, syntax);
  const methods = [...syntax.methods()];
  const error = (code: ErrorCode, message: string, node: SyntaxNode): JetplugError =>
    new JetplugError(code, message, { plugin: plugin.name, file: syntax.file, line: syntax.lineOf(node) });
  const problems = methods.flatMap(([name, body]) => {
    const handler = plugin.handlers.find(({ method }) => method === name);
    const outcomes = [...statementOutcomes(body), ...(handler ? returnedOutcomes(body) : [])];
    const calls = handler?.batch ? callsWithoutEvent(body, services) : [];
    return [
      ...outcomes.map(({ node, what }) => error('JP_OUTCOME_NOT_THROWN', `${plugin.className}.${name} ${what}`, node)),
      ...calls.map(({ node, call }) =>
        call.method === 'commit'
          ? error('JP_BATCH_COMMIT', `${plugin.className}.${name} takes batches and calls ${call.what}`, node)
          : error('JP_BATCH_EVENT', `${plugin.className}.${name} calls ${call.what} without { for: event }`, node),
      ),
    ];
  });
  const warnings = methods.flatMap(([name, body]) =>
    callsNotAwaited(body, services).map(({ node, call }) =>
      error('JP_CALL_NOT_AWAITED', `${plugin.className}.${name} does not await ${call.what}`, node),
    ),
  );
  return { problems, warnings };
}

/** The parameters of the constructor that are properties too, and get a store or an event bus. */
function servicesIn({ injected }: DescribedPlugin, syntax: ClassSyntax): Services {
  const services = new Map<string, 'store' | 'bus'>();
  for (const [index, { property }] of syntax.parameters().entries()) {
    const service = injected.find((one) => one.index === index)?.service;
    if (property !== undefined && (service === 'store' || service === 'bus')) services.set(property, service);
  }
  return services;
}

/** Outcomes that are constructed and dropped: `new Reject('why');`. */
function statementOutcomes(body: SyntaxNode): { node: SyntaxNode; what: string }[] {
  return [...nodesIn(body)].flatMap((node) => {
    const outcome = node.type === 'ExpressionStatement' ? outcomeOf(node['expression']) : undefined;
    return outcome === undefined ? [] : [{ node, what: `constructs ${outcome} and does not throw it` }];
  });
}

/** Outcomes that a handler itself returns. A function within it may return one, to be thrown. */
function returnedOutcomes(body: SyntaxNode): { node: SyntaxNode; what: string }[] {
  const ownNodes = nodesIn(body['body'], ({ type }) => !/Function|Class/.test(type) || type === 'FunctionBody');
  return [...ownNodes].flatMap((node) => {
    const outcome = node.type === 'ReturnStatement' ? outcomeOf(node['argument']) : undefined;
    return outcome === undefined ? [] : [{ node, what: `returns ${outcome} and does not throw it` }];
  });
}

function outcomeOf(expression: unknown): string | undefined {
  const { type, callee } = (expression ?? {}) as SyntaxNode;
  const name = type === 'NewExpression' ? nameOf(callee) : undefined;
  return name !== undefined && OUTCOMES.has(name) ? name : undefined;
}

interface FoundCall {
  readonly node: SyntaxNode;
  readonly call: ServiceCall;
}

/** Calls in a handler of batches that do not name an event of the batch. In `afterCommit` none is needed. */
function callsWithoutEvent(body: SyntaxNode, services: Services): FoundCall[] {
  return [...nodesIn(body, (node) => !isAfterCommit(node))].flatMap((node) => {
    const call = callOf(node, services);
    return call && (call.method === 'commit' || lacksEvent(call)) ? [{ node, call }] : [];
  });
}

function lacksEvent({ method, args }: ServiceCall): boolean {
  const index = OPTIONS_INDEX[method];
  if (index === undefined || args.some(({ spread }) => spread)) return false;
  const options = args[index]?.expression;
  if (!options) return true;
  // The value of another expression is not known here.
  if (options.type !== 'ObjectExpression') return false;
  const properties = options['properties'] as SyntaxNode[];
  return !properties.some((one) => one.type === 'SpreadElement' || nameOf(one['key'] ?? one) === 'for');
}

function isAfterCommit(node: SyntaxNode): boolean {
  const callee = node.type === 'CallExpression' ? (node['callee'] as SyntaxNode) : undefined;
  return callee?.type === 'MemberExpression' && nameOf(callee['property']) === 'afterCommit';
}

/** Calls that stand as a statement of their own. `void` before a call says that it is meant. */
function callsNotAwaited(body: SyntaxNode, services: Services): FoundCall[] {
  return [...nodesIn(body)].flatMap((node) => {
    const call = node.type === 'ExpressionStatement' ? callOf(node['expression'] as SyntaxNode, services) : undefined;
    return call && AWAITED.has(call.method) ? [{ node, call }] : [];
  });
}

function callOf(node: SyntaxNode, services: Services): ServiceCall | undefined {
  const callee = node.type === 'CallExpression' ? (node['callee'] as SyntaxNode) : undefined;
  if (callee?.type !== 'MemberExpression') return undefined;
  const method = nameOf(callee['property']);
  const holder = serviceIn(callee['object'] as SyntaxNode, services);
  if (method === undefined || holder === undefined) return undefined;
  return { what: `${holder}.${method}`, method, args: node['arguments'] as ServiceCall['args'] };
}

/** The member in `this.member`, or in `this.member.scope(…)`. */
function serviceIn(node: SyntaxNode, services: Services): string | undefined {
  if (node.type === 'CallExpression') {
    const callee = node['callee'] as SyntaxNode;
    const isScope = callee.type === 'MemberExpression' && nameOf(callee['property']) === 'scope';
    return isScope ? serviceIn(callee['object'] as SyntaxNode, services) : undefined;
  }
  if (node.type !== 'MemberExpression' || (node['object'] as SyntaxNode).type !== 'ThisExpression') return undefined;
  const name = nameOf(node['property']);
  return name !== undefined && services.has(name) ? name : undefined;
}
