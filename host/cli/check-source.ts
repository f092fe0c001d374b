import { isJetplugError, JetplugError, parseDuration, type ErrorCode } from '../../sdk/internal';
import { subjectOf } from '../effects/publishable';
import type { DescribedPlugin, HandlerDefinition } from '../load/describe';
import { ClassSyntax, nameOf, nodesIn, type SyntaxNode } from '../load/syntax';
import { callOf, callsIn, isAfterCommit, serviceMembers, type ServiceCall, type ServiceMembers } from './source-calls';

/** A method of a plugin's class. */
interface Method {
  readonly body: SyntaxNode;
  /** Undefined if the method is no handler. */
  readonly handler: HandlerDefinition | undefined;
  readonly members: ServiceMembers;
}

interface Fault {
  readonly code: ErrorCode;
  /** The fault, with the method as the subject of the sentence. */
  readonly text: string;
  readonly node: SyntaxNode;
  readonly hint?: string;
}

type Rule = (method: Method) => Fault[];

const PROBLEMS: readonly Rule[] = [
  droppedOutcomes,
  returnedOutcomes,
  delaysWithoutUnit,
  batchCallsWithoutEvent,
  asynchronousUpdates,
  wrongSubjects,
];
const WARNINGS: readonly Rule[] = [callsNotAwaited];

/** Mistakes in the source of a plugin's class that a host would only meet when a handler runs. */
export interface SourceFindings {
  readonly problems: readonly JetplugError[];
  readonly warnings: readonly JetplugError[];
}

/** Reads the source of a plugin's class. Calls of services that do not begin with `this` are not looked at. */
export function checkSource(plugin: DescribedPlugin): SourceFindings {
  const syntax = ClassSyntax.find(plugin.sources, plugin.className);
  if (!syntax) return { problems: [], warnings: [] };
  const members = serviceMembers(plugin, syntax);
  const apply = (rules: readonly Rule[]): JetplugError[] =>
    [...syntax.methods()].flatMap(([name, body]) => {
      const handler = plugin.handlers.find(({ method }) => method === name);
      const faults = rules.flatMap((rule) => rule({ body, handler, members }));
      return faults.map(({ code, text, node, hint }) => {
        const place = { plugin: plugin.name, file: syntax.file, line: syntax.lineOf(node), hint };
        return new JetplugError(code, `${plugin.className}.${name} ${text}`, place);
      });
    });
  return { problems: apply(PROBLEMS), warnings: apply(WARNINGS) };
}

/** Finds outcomes that are constructed and dropped: `new Reject('why');`. */
function droppedOutcomes({ body }: Method): Fault[] {
  return [...nodesIn(body)].flatMap((node): Fault[] => {
    const outcome = node.type === 'ExpressionStatement' ? outcomeOf(node['expression']) : undefined;
    if (outcome === undefined) return [];
    return [{ code: 'JP_OUTCOME_NOT_THROWN', text: `constructs ${outcome} and does not throw it`, node }];
  });
}

/** Finds outcomes that a handler returns. A function within it may return one, to be thrown. */
function returnedOutcomes({ body, handler }: Method): Fault[] {
  if (!handler) return [];
  const ownNodes = nodesIn(body['body'], ({ type }) => type === 'FunctionBody' || !/Function|Class/.test(type));
  return [...ownNodes].flatMap((node): Fault[] => {
    const outcome = node.type === 'ReturnStatement' ? outcomeOf(node['argument']) : undefined;
    if (outcome === undefined) return [];
    return [{ code: 'JP_OUTCOME_NOT_THROWN', text: `returns ${outcome} and does not throw it`, node }];
  });
}

const OUTCOMES = new Set(['Reject', 'RetryLater', 'BatchFailure']);

function outcomeOf(expression: unknown): string | undefined {
  const { type, callee } = (expression ?? {}) as SyntaxNode;
  const name = type === 'NewExpression' ? nameOf(callee) : undefined;
  return name !== undefined && OUTCOMES.has(name) ? name : undefined;
}

/** Finds delays of `RetryLater` that are a number, or no length of time. */
function delaysWithoutUnit({ body }: Method): Fault[] {
  return [...nodesIn(body)].flatMap((node): Fault[] => {
    const [delay] = outcomeOf(node) === 'RetryLater' ? ((node['arguments'] ?? []) as ServiceCall['args']) : [];
    const { type, value } = (delay?.expression ?? {}) as Partial<SyntaxNode>;
    const isWrong = type === 'NumericLiteral' || (type === 'StringLiteral' && parseDuration(value) === undefined);
    if (!isWrong) return [];
    return [{ code: 'JP_DURATION_INVALID', text: `delays by ${JSON.stringify(value)}, which has no unit`, node }];
  });
}

/** The index of the options `{ for }` in each call that needs them in a handler of batches. */
const OPTIONS_INDEX: Readonly<Record<string, number>> = { update: 2, delete: 1, publish: 2 };

/** Finds calls in a handler of batches that do not name an event of the batch. In `afterCommit` none is needed. */
function batchCallsWithoutEvent({ body, handler, members }: Method): Fault[] {
  if (!handler?.batch) return [];
  return callsIn(body, members, (node) => !isAfterCommit(node)).flatMap((call): Fault[] => {
    const { node, what, method } = call;
    if (method === 'commit') return [{ code: 'JP_BATCH_COMMIT', text: `takes batches and calls ${what}`, node }];
    return lacksEvent(call) ? [{ code: 'JP_BATCH_EVENT', text: `calls ${what} without { for: event }`, node }] : [];
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
  return !properties.some((one) => one.type === 'SpreadElement' || nameOf(one['key']) === 'for');
}

function asynchronousUpdates({ body, members }: Method): Fault[] {
  const isAsynchronous = ({ method, args }: ServiceCall): boolean =>
    method === 'update' && args[1]?.expression['async'] === true;
  return callsIn(body, members)
    .filter(isAsynchronous)
    .map(({ node, what }) => ({
      code: 'JP_STORE_VALUE_INVALID',
      text: `passes an asynchronous function to ${what}`,
      node,
    }));
}

/** Finds subjects on which no event can be published, if the code has the subject as a text. */
function wrongSubjects({ body, members }: Method): Fault[] {
  return callsIn(body, members).flatMap(({ node, method, args }): Fault[] => {
    const subject = args[0]?.expression;
    if (method !== 'publish' || subject?.type !== 'StringLiteral') return [];
    try {
      subjectOf(subject['value'] as string);
      return [];
    } catch (error) {
      if (!isJetplugError(error)) throw error;
      return [{ code: error.code, text: error.message, node, hint: error.hint }];
    }
  });
}

/** The methods whose promise must be awaited. */
const AWAITED = new Set(['update', 'delete', 'publish', 'commit']);

/** Finds calls that are a statement of their own. `void` before a call says that it is meant. */
function callsNotAwaited({ body, members }: Method): Fault[] {
  return [...nodesIn(body)].flatMap((node): Fault[] => {
    const call = node.type === 'ExpressionStatement' ? callOf(node['expression'] as SyntaxNode, members) : undefined;
    if (!call || !AWAITED.has(call.method)) return [];
    return [{ code: 'JP_CALL_NOT_AWAITED', text: `does not await ${call.what}`, node }];
  });
}
