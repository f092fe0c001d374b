import { JetplugError } from '../../sdk/internal';
import type { ProcessState } from '../load/plugin-code';
import { Canary } from './canary';
import { consume, type Consumption } from './consume';
import type { PluginHost } from './plugin-host';
import type { ReconciledDurable } from './reconcile';
import type { PluginVersion } from './version';
import {
  reconcileAtLast,
  reconcileFormerVersion,
  reconcileVersion,
  type HandlerPlan,
  type ReconciledVersion,
} from './version-plan';

/** The version that a rollback returns to while the newer version is in its canary phase. */
interface Fallback {
  readonly version: PluginVersion;
  readonly canary: Canary;
}

/**
 * A plugin that receives events. Each {@link Consumption} belongs to a durable and stays when the plugin's version
 * changes.
 */
export class RunningPlugin {
  private consuming: readonly Consumption[] = [];
  private fallback: Fallback | undefined;
  /** Versions that close when their last run has ended. */
  private readonly closing = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  private constructor(
    private version: PluginVersion,
    private readonly host: PluginHost,
  ) {}

  /** Starts to consume for a plugin that does not run yet. */
  static begin({ version, handlers }: ReconciledVersion, host: PluginHost): RunningPlugin {
    const plugin = new RunningPlugin(version, host);
    plugin.consuming = handlers.map((plan) => plugin.consume(version, plan, plan.reconciled!));
    return plugin;
  }

  get definition(): PluginVersion['definition'] {
    return this.version.definition;
  }

  get processes(): readonly ProcessState[] | undefined {
    return this.version.code.processes;
  }

  get handlers(): readonly Consumption[] {
    return this.consuming;
  }

  /**
   * Prepares the next version's durables.
   * @throws JetplugError when a durable would have to be created anew; the present version then continues to run
   */
  reconcile(next: PluginVersion): Promise<ReconciledVersion> {
    return reconcileVersion(next, this.consuming, this.host);
  }

  /**
   * Changes to the next version: events that run already end on the present version; buffered and new events begin on
   * the next one.
   * @param failed called when the first events of the next version all fail and those of the present version did not
   */
  async swap(next: ReconciledVersion, failed: (error: JetplugError) => void): Promise<void> {
    const { version: before, fallback } = this;
    const proven = fallback?.canary.isDoubtful ? fallback.version : undefined;
    const canary = this.canaryFor(next, failed);
    // A version that has failed so far is no fallback. The fallback then stays the version before.
    this.endCanary({ keep: proven });
    const keep = canary && (proven ?? before);
    for (const version of [before, proven]) if (version && version !== keep) this.closeWhenUnused(version);
    this.fallback = canary && keep && { version: keep, canary };
    canary?.start();
    await this.take(next, canary);
  }

  /**
   * Returns to the fallback, if the version that runs is still the one that failed. Resolves with whether it did.
   * @throws JetplugError when the fallback cannot run any more; it stays the fallback until the next swap or stop
   */
  async rollBack(failed: PluginVersion['definition']): Promise<boolean> {
    if (!this.fallback || this.definition !== failed || this.stopping.signal.aborted) return false;
    const { version: former } = this.fallback;
    const bad = this.version;
    const next = await reconcileFormerVersion(former, this.consuming, this.host, this.stopping.signal);
    this.endCanary({ keep: former });
    this.closeWhenUnused(bad);
    await this.take(next);
    return true;
  }

  /** Ends every wait for the server, because the plugin is about to be stopped. */
  quit(): void {
    this.stopping.abort();
  }

  /** Drains the plugin. Resolves when all its events are settled or nacked, and the plugin is closed. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const { graceMs } = this.host.config.shutdown;
    await Promise.all(this.consuming.map((consumption) => consumption.stop(graceMs)));
    this.endCanary({});
    await this.version.close();
    await Promise.all(this.closing);
  }

  /**
   * Makes the canary for the handlers that did not fail before. Without such a handler, or with the rollback turned
   * off, there is no canary.
   */
  private canaryFor(
    { version: next, handlers }: ReconciledVersion,
    failed: (error: JetplugError) => void,
  ): Canary | undefined {
    const policy = this.host.config.delivery.rollback;
    const comparable = handlers.filter(
      ({ takenOver, replaced }) => (takenOver ?? replaced)?.circuit.isFailing === false,
    );
    if (comparable.length === 0 || policy.withinMs === 0) return undefined;
    const { name, version, where } = next.definition;
    return new Canary(
      comparable.map(({ handler }) => handler),
      policy,
      {
        passed: () => this.endCanary({}),
        failed: (handler, error) => {
          const message = `version ${version} failed at the first ${policy.events} events of ${handler.name} (${error.message})`;
          failed(new JetplugError('JP_PLUGIN_ROLLED_BACK', message, { plugin: name, ...where, cause: error }));
        },
      },
    );
  }

  /**
   * Makes `next` the current version: runs that begin after this call use it. Stops the consumptions that `next` does
   * not take over.
   */
  private async take({ version: next, handlers }: ReconciledVersion, canary?: Canary): Promise<void> {
    const before = this.version;
    const takenOver = new Set(handlers.map((plan) => plan.takenOver));
    const leaving = this.consuming.filter((consumption) => !takenOver.has(consumption));
    this.version = next;
    for (const plan of handlers)
      if (plan.takenOver) before.usedUntil(plan.takenOver.swap(handlerVersion(next, plan, canary)));
    const begun = handlers.map(
      (plan) => plan.takenOver ?? (plan.reconciled && this.consume(next, plan, plan.reconciled, canary)),
    );
    this.consuming = begun.filter((consumption) => consumption !== undefined);
    const stopped = Promise.all(leaving.map((consumption) => consumption.stop(this.host.config.shutdown.graceMs)));
    before.usedUntil(stopped);
    // Two consumptions of one durable at a time could both have events of one key.
    await stopped;
    for (const [i, plan] of handlers.entries()) {
      if (plan.replaced) begun[i] = await this.replace(plan.replaced, plan, next, canary);
    }
    this.consuming = begun.filter((consumption) => consumption !== undefined);
    await this.reportLeft(leaving.filter((consumption) => !handlers.some(({ replaced }) => replaced === consumption)));
  }

  private async replace(
    replaced: Consumption,
    plan: HandlerPlan,
    next: PluginVersion,
    canary?: Canary,
  ): Promise<Consumption | undefined> {
    const reconciled = await reconcileAtLast(next.definition, plan.durable, this.host, this.stopping.signal);
    return reconciled && this.consume(next, plan, { ...reconciled, counters: replaced.counters }, canary);
  }

  /**
   * Logs the durables of handlers that were removed or renamed. The operator decides whether such a durable is deleted.
   */
  private async reportLeft(removed: readonly Consumption[]): Promise<void> {
    const { broker, log } = this.host;
    for (const { durable } of removed) {
      const position = await broker.durablePosition(durable.stream, durable.durable).catch(() => undefined);
      log.warn('a handler is gone; its durable consumer stays', {
        plugin: this.definition.name,
        stream: durable.stream,
        durable: durable.durable,
        subject: durable.subject,
        pending: position?.pending,
      });
    }
  }

  private endCanary({ keep }: { keep?: PluginVersion | undefined }): void {
    const { fallback } = this;
    this.fallback = undefined;
    fallback?.canary.end();
    if (fallback && fallback.version !== keep) this.closeWhenUnused(fallback.version);
  }

  private closeWhenUnused(version: PluginVersion): void {
    // The caller may add the version's last runs later in this turn of the event loop.
    const closed = Promise.resolve().then(() => version.close());
    this.closing.add(closed);
    void closed.then(() => this.closing.delete(closed));
  }

  private consume(
    version: PluginVersion,
    plan: HandlerPlan,
    reconciled: ReconciledDurable,
    canary?: Canary,
  ): Consumption {
    return consume(handlerVersion(version, plan, canary), reconciled, this.host);
  }
}

function handlerVersion({ definition: plugin, code }: PluginVersion, { handler }: HandlerPlan, canary?: Canary) {
  return { plugin, definition: handler, code, canary: canary?.canaryOf(handler) };
}
