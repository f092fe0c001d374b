import { JetplugError } from '../../sdk/internal';
import { retryUntil } from '../base/retry-until';
import type { DurableSpec } from '../broker/durable';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import type { Consumption } from './consume';
import type { PluginHost } from './plugin-host';
import { reconcileHandler, specOf, type ReconciledDurable } from './reconcile';
import type { Closable } from './step';
import type { PluginVersion } from './version';

const RETRY_MS = 1_000;

/** How a handler of a version starts to consume. At most one of the last three properties is set. */
export interface HandlerPlan {
  readonly handler: HandlerDefinition;
  readonly durable: DurableSpec;
  /** A consumption of the previous version, which continues with this handler. */
  readonly takenOver?: Consumption;
  /**
   * A consumption of the previous version that buffers events in another order, so it stops before this handler begins.
   */
  readonly replaced?: Consumption;
  /** The durable of a handler that the previous version does not have. */
  readonly reconciled?: ReconciledDurable;
}

/** A version whose durables exist, or can be changed in place. */
export interface ReconciledVersion extends Closable {
  readonly version: PluginVersion;
  readonly handlers: readonly HandlerPlan[];
}

/**
 * Decides for each handler of the version whether it continues a consumption of the running version, and creates or
 * updates the durables of new handlers.
 * @param present the consumptions of the version that runs; none for a plugin that does not run yet
 * @throws JetplugError `JP_HANDLER_NO_STREAM`, `JP_CONSUMER_FOREIGN`, or `JP_CONSUMER_NOT_UPDATABLE` when a durable
 * would have to be created anew
 */
export async function reconcileVersion(
  version: PluginVersion,
  present: readonly Consumption[],
  host: PluginHost,
): Promise<ReconciledVersion> {
  const plans = planHandlers(version.definition, present, host);
  for (const { replaced, durable } of plans) if (replaced) await host.broker.checkDurable(durable);
  const handlers = await Promise.all(
    plans.map(async (plan) =>
      isNew(plan) ? { ...plan, reconciled: await reconcileHandler(version.definition, plan.durable, host) } : plan,
    ),
  );
  return { version, handlers, close: () => version.close() };
}

/**
 * Like {@link reconcileVersion}, for the return to a version that ran before. The version's durables existed, and no
 * other version can run. So the host retries each durable until the server answers or `stop` is aborted; a handler that
 * has no durable by then is left out.
 */
export async function reconcileFormerVersion(
  version: PluginVersion,
  present: readonly Consumption[],
  host: PluginHost,
  stop: AbortSignal,
): Promise<ReconciledVersion> {
  const handlers = await Promise.all(
    planHandlers(version.definition, present, host).map(async (plan) => {
      const reconciled = isNew(plan) ? await reconcileAtLast(version.definition, plan.durable, host, stop) : undefined;
      return reconciled ? { ...plan, reconciled } : plan;
    }),
  );
  return { version, handlers, close: () => version.close() };
}

/**
 * Creates or corrects a handler's durable when the plugin cannot return to another version. Retries until that succeeds
 * or `stop` is aborted; resolves with undefined in the latter case.
 */
export function reconcileAtLast(
  plugin: PluginDefinition,
  durable: DurableSpec,
  host: PluginHost,
  stop: AbortSignal,
): Promise<ReconciledDurable | undefined> {
  return retryUntil(() => reconcileHandler(plugin, durable, host), {
    waitMs: RETRY_MS,
    stop,
    time: host.time,
    failed: (error) =>
      host.log.warn('the durable consumer cannot be made yet', { durable: durable.durable, err: error }),
  });
}

function planHandlers(
  plugin: PluginDefinition,
  present: readonly Consumption[],
  { streams, config }: PluginHost,
): HandlerPlan[] {
  return plugin.handlers.map((handler) => {
    const durable = specOf(plugin, handler, streams, config);
    const consumption = present.find((one) => one.durable.durable === durable.durable);
    if (!consumption) return { handler, durable };
    if (consumption.durable.stream !== durable.stream) throw moved(consumption.durable, durable, plugin);
    return consumption.canSwapTo(plugin, handler)
      ? { handler, durable, takenOver: consumption }
      : { handler, durable, replaced: consumption };
  });
}

function isNew({ takenOver, replaced }: HandlerPlan): boolean {
  return takenOver === undefined && replaced === undefined;
}

function moved(present: DurableSpec, wanted: DurableSpec, plugin: PluginDefinition): JetplugError {
  const message =
    `durable ${wanted.durable} is on stream ${present.stream}, and ${wanted.subject} is in ${wanted.stream}: ` +
    `it would have to be made again`;
  return new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message, { plugin: plugin.name, ...plugin.where });
}
