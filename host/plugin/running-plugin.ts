import { JetplugError } from '../../sdk/internal';
import { LogThrottle } from '../base/log-throttle';
import { consume, type Consumption } from './consume';
import type { HandlerDefinition } from '../load/describe';
import type { ProcessState } from '../load/plugin-code';
import type { PluginHost } from './plugin-host';
import { reconcileHandler, specOf, type ReconciledDurable } from './reconcile';
import { Canary } from './canary';
import type { PluginVersion } from './version';
import type { DurableSpec } from '../broker/durable';

/** What becomes of a handler of the next version: it takes up a consumption, takes the place of one, or is new. */
interface Step {
  readonly handler: HandlerDefinition;
  readonly spec: DurableSpec;
  readonly kept?: Consumption;
  readonly replaced?: Consumption;
}

const TRY_AGAIN_MS = 1_000;
/** The same reason is logged again after so long. */
const SAY_AGAIN_MS = 600_000;

/** A plugin that consumes: what it pulls belongs to its durables, whatever version of it runs. */
export class RunningPlugin {
  private consuming: readonly Consumption[] = [];
  /** The version before, for as long as the present one has to prove itself. */
  private fallback: { readonly version: PluginVersion; readonly canary: Canary } | undefined;
  /** Versions that end when what runs on them has ended. */
  private readonly closing = new Set<Promise<void>>();
  private stopped = false;

  private constructor(
    private version: PluginVersion,
    private readonly host: PluginHost,
  ) {}

  /** Gives each handler its durable, and pulls. */
  static async begin(version: PluginVersion, host: PluginHost): Promise<RunningPlugin> {
    const plugin = new RunningPlugin(version, host);
    const specs = version.definition.handlers.map((handler) => plugin.specOf(version, handler));
    const reconciled = await Promise.all(specs.map((spec) => reconcileHandler(version.definition, spec, host)));
    plugin.consuming = version.definition.handlers.map((handler, i) =>
      plugin.consume(version, handler, reconciled[i]!),
    );
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
   * Changes versions: what runs ends on the old one, what is buffered and what comes runs on the next.
   * @param failed told when the first events of the next version all fail where the old one's did not
   * @throws JetplugError when a durable would have to be made again; then the old version runs on
   */
  async swap(
    next: PluginVersion,
    { rollback }: PluginHost['config']['delivery'],
    failed: (error: JetplugError) => void,
  ): Promise<void> {
    const steps = this.plan(next);
    for (const { replaced, spec } of steps) if (replaced) await this.host.broker.checkDurable(spec);
    const reconciled = await this.reconcileNew(steps, next);
    const doubted = this.fallback?.canary.isDoubtful ? this.fallback : undefined;
    const before = this.version;
    const canary = this.trialOf(steps, next, rollback, failed);
    // What has not proved itself is nothing to fall back to.
    if (this.fallback) this.endTrial({ keeps: doubted?.version });
    const keep = canary && (doubted?.version ?? before);
    for (const version of [before, doubted?.version]) if (version && version !== keep) this.closeWhenUnused(version);
    this.fallback = canary && keep && { version: keep, canary };
    await this.take(next, steps, reconciled, canary);
  }

  /** Takes the version before back, if the one that runs is still the one that failed. */
  async rollBack(failed: PluginVersion['definition']): Promise<boolean> {
    if (!this.fallback || this.definition !== failed || this.stopped) return false;
    const { version: before } = this.fallback;
    const bad = this.version;
    this.endTrial({ keeps: before });
    const steps = this.plan(before);
    // Its durables were there before; a server that does not answer must not leave the bad version in charge.
    const reconciled = await Promise.all(
      steps.map(async (step) => (isNew(step) ? this.reconcileAtLast(step.spec, before) : undefined)),
    );
    this.closeWhenUnused(bad);
    await this.take(before, steps, reconciled);
    return true;
  }

  /** It is about to be stopped: waits for no server any more. */
  quit(): void {
    this.stopped = true;
  }

  /** Ends it; resolves when all that it held is settled or given back. */
  async stop(): Promise<void> {
    this.stopped = true;
    const { graceMs } = this.host.config.shutdown;
    await Promise.all(this.consuming.map((handler) => handler.stop(graceMs)));
    this.endTrial({});
    await this.version.close(this.host.log);
    await Promise.all(this.closing);
  }

  /** @throws JetplugError when a durable would have to be made again */
  private plan(next: PluginVersion): Step[] {
    return next.definition.handlers.map((handler) => {
      const spec = this.specOf(next, handler);
      const present = this.consuming.find(({ durable }) => durable.durable === spec.durable);
      if (present && present.durable.stream !== spec.stream) throw moved(present.durable, spec, next);
      if (!present) return { handler, spec };
      return present.canSwapTo(next.definition, handler)
        ? { handler, spec, kept: present }
        : { handler, spec, replaced: present };
    });
  }

  private reconcileNew(steps: readonly Step[], next: PluginVersion): Promise<(ReconciledDurable | undefined)[]> {
    return Promise.all(
      steps.map(async (step) => (isNew(step) ? reconcileHandler(next.definition, step.spec, this.host) : undefined)),
    );
  }

  private trialOf(
    steps: readonly Step[],
    next: PluginVersion,
    policy: PluginHost['config']['delivery']['rollback'],
    failed: (error: JetplugError) => void,
  ): Canary | undefined {
    const comparable = steps.filter(({ kept, replaced }) => (kept ?? replaced)?.circuit.isFailing === false);
    if (comparable.length === 0 || policy.withinMs === 0) return undefined;
    const { name, version, where } = next.definition;
    return new Canary(
      comparable.map(({ handler }) => handler),
      policy,
      {
        passed: () => this.endTrial({}),
        failed: (handler, error) => {
          const message = `version ${version} failed at the first ${policy.events} events of ${handler.name} (${error.message})`;
          failed(new JetplugError('JP_PLUGIN_ROLLED_BACK', message, { plugin: name, ...where, cause: error }));
        },
      },
    );
  }

  /** From here on what begins is the next version's. */
  private async take(
    next: PluginVersion,
    steps: readonly Step[],
    reconciled: readonly (ReconciledDurable | undefined)[],
    canary?: Canary,
  ): Promise<void> {
    const before = this.version;
    const kept = new Set(steps.map((step) => step.kept));
    const leaving = this.consuming.filter((handler) => !kept.has(handler));
    this.version = next;
    for (const { handler, kept: stays } of steps) {
      if (stays)
        before.usedUntil(
          stays.swap({
            plugin: next.definition,
            definition: handler,
            code: next.code,
            canary: canary?.canaryOf(handler),
          }),
        );
    }
    const begun = steps.map(
      ({ handler, kept: stays }, i) => stays ?? (reconciled[i] && this.consume(next, handler, reconciled[i], canary)),
    );
    this.consuming = begun.filter((handler) => handler !== undefined);
    const stopped = Promise.all(leaving.map((handler) => handler.stop(this.host.config.shutdown.graceMs)));
    before.usedUntil(stopped);
    // Never both at a time: events of one key would be in the hands of both.
    await stopped;
    for (const [i, step] of steps.entries()) if (step.replaced) begun[i] = await this.replace(step, next, canary);
    this.consuming = begun.filter((handler) => handler !== undefined);
    await this.reportLeft(leaving.filter((handler) => !steps.some(({ replaced }) => replaced === handler)));
  }

  /** The durable is the same, but what it gave the old handler in its order goes back first. */
  private async replace(
    { handler, spec, replaced }: Step,
    next: PluginVersion,
    canary?: Canary,
  ): Promise<Consumption | undefined> {
    const reconciled = await this.reconcileAtLast(spec, next);
    return reconciled && this.consume(next, handler, { ...reconciled, counters: replaced!.counters }, canary);
  }

  /** There is no way back any more: it is tried until it succeeds. */
  private async reconcileAtLast(spec: DurableSpec, next: PluginVersion): Promise<ReconciledDurable | undefined> {
    const said = new LogThrottle(SAY_AGAIN_MS, () => this.host.time.nowMs());
    while (!this.stopped) {
      try {
        return await reconcileHandler(next.definition, spec, this.host);
      } catch (error) {
        if (said.note(String(error)) !== undefined) {
          this.host.log.warn('the durable consumer cannot be made yet', { durable: spec.durable, err: error });
        }
        await new Promise<void>((resolve) => void this.host.time.after(TRY_AGAIN_MS, resolve));
      }
    }
    return undefined;
  }

  /** What a handler that is gone, or has another name, has left on the server is the operator's to keep or to delete. */
  private async reportLeft(gone: readonly Consumption[]): Promise<void> {
    const { broker, log } = this.host;
    for (const { durable } of gone) {
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

  private endTrial({ keeps }: { keeps?: PluginVersion | undefined }): void {
    const { fallback } = this;
    this.fallback = undefined;
    fallback?.canary.end();
    if (fallback && fallback.version !== keeps) this.closeWhenUnused(fallback.version);
  }

  private closeWhenUnused(version: PluginVersion): void {
    // What makes it unused may be said later in this turn.
    const closed = Promise.resolve().then(() => version.close(this.host.log));
    this.closing.add(closed);
    void closed.then(() => this.closing.delete(closed));
  }

  private consume(
    version: PluginVersion,
    handler: HandlerDefinition,
    reconciled: ReconciledDurable,
    canary?: Canary,
  ): Consumption {
    const { definition: plugin, code } = version;
    return consume({ plugin, definition: handler, code, canary: canary?.canaryOf(handler) }, reconciled, this.host);
  }

  private specOf({ definition }: PluginVersion, handler: HandlerDefinition): DurableSpec {
    return specOf(definition, handler, this.host.streams, this.host.config);
  }
}

function isNew({ kept, replaced }: Step): boolean {
  return kept === undefined && replaced === undefined;
}

function moved(present: DurableSpec, wanted: DurableSpec, { definition }: PluginVersion): JetplugError {
  const message =
    `durable ${wanted.durable} is on stream ${present.stream}, and ${wanted.subject} is in ${wanted.stream}: ` +
    `it would have to be made again`;
  return new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message, { plugin: definition.name, ...definition.where });
}
