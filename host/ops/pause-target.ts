import { JetplugError } from '../../sdk/internal';
import { terminalText } from '../base/utf8';
import { RETRY_STREAM } from '../broker/stream-state';
import { nearest } from '../config/suggest';
import type { HandlerDurable } from '../nats/handler-durables';
import { newerAsset } from '../nats/ownership';

/** A handler with its durables on the server. */
export interface TargetHandler {
  readonly plugin: string;
  readonly handler: string;
  /** The durable of the handler's stream, then that of its retry queue. Either may be missing. */
  readonly durables: readonly HandlerDurable[];
}

/**
 * Finds the handlers that a command names, by the marks of their durables.
 * @param target a plugin, or `plugin.handler`
 * @throws JetplugError `JP_NOT_FOUND` with the most similar name, or `JP_CONSUMER_FOREIGN` for a durable that is not
 * this deployment's
 */
export function findHandlers(target: string, all: readonly HandlerDurable[]): TargetHandler[] {
  const dot = target.indexOf('.');
  const plugin = dot < 0 ? target : target.slice(0, dot);
  const handler = dot < 0 ? undefined : target.slice(dot + 1);
  const handlers = groupByHandler(all);
  const ofPlugin = handlers.filter((one) => one.plugin === plugin);
  const found = ofPlugin.filter((one) => handler === undefined || one.handler === handler);
  if (found.length > 0) return found;
  refuseForeign(plugin, handler, all);
  if (ofPlugin.length > 0) {
    const known = ofPlugin.map((one) => one.handler);
    throw notFound(`plugin ${plugin} has no durable of a handler`, handler!, known, `Its handlers are`);
  }
  const known = [...new Set(handlers.map((one) => one.plugin))];
  throw notFound('the server has no durable of a plugin', plugin, known, 'The plugins with a durable are');
}

function groupByHandler(all: readonly HandlerDurable[]): TargetHandler[] {
  const found = new Map<string, TargetHandler & { durables: HandlerDurable[] }>();
  for (const durable of all) {
    const { plugin, handler, owner } = durable;
    if (owner.kind !== 'ours' || plugin === undefined || handler === undefined) continue;
    const name = `${plugin}.${handler}`;
    const entry = found.get(name) ?? { plugin, handler, durables: [] };
    entry.durables.push(durable);
    found.set(name, entry);
  }
  const handlers = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  for (const { durables } of handlers) durables.sort((a, b) => Number(isRetryQueue(a)) - Number(isRetryQueue(b)));
  return handlers;
}

export function isRetryQueue({ stream }: Pick<HandlerDurable, 'stream'>): boolean {
  return stream === RETRY_STREAM;
}

/** @throws JetplugError `JP_CONSUMER_FOREIGN` if a durable has the handler's name and not this deployment's mark */
function refuseForeign(plugin: string, handler: string | undefined, all: readonly HandlerDurable[]): void {
  const named = ({ durable }: HandlerDurable): boolean =>
    handler === undefined ? durable.startsWith(`${plugin}-`) : durable === `${plugin}-${handler}`;
  const foreign = all.find((one) => one.owner.kind !== 'ours' && named(one));
  if (!foreign) return;
  const { stream, owner } = foreign;
  const durable = terminalText(foreign.durable);
  if (owner.kind === 'newer') throw newerAsset(`durable ${durable} on stream ${stream}`, owner.format);
  const whose =
    owner.kind === 'other-deployment' ? `belongs to the deployment ${terminalText(owner.deployment)}` : 'has no mark';
  const message = `durable ${durable} on stream ${stream} ${whose}, so it is not changed`;
  throw new JetplugError('JP_CONSUMER_FOREIGN', message, {
    hint:
      `If it is this deployment’s, mark it first: npx jetplug adopt durable ${durable} --stream ${stream}. ` +
      `The NATS command line pauses any durable: nats consumer pause ${stream} ${durable} 1h.`,
  });
}

function notFound(what: string, name: string, known: readonly string[], list: string): JetplugError {
  const meant = nearest(name, known);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new JetplugError('JP_NOT_FOUND', `${what} ${JSON.stringify(name)}${mean}`, {
    hint:
      known.length > 0
        ? `${list} ${known.join(', ')}.`
        : 'A handler has a durable once a host has run it. Give the server of that host with --servers.',
  });
}
