import type { JetplugError } from '../../sdk/internal';
import type { CircuitBreaker } from '../message/failures/circuit-breaker';
import type { PluginCode } from '../load/plugin-code';
import type { DurableFeed } from './durable-feed';

/**
 * Why a handler takes no events:
 * - `durable`: its durable is gone and not created again yet.
 * - `refused`: its durable must not be used, or the server refuses to deliver from it.
 * - `circuit`: its circuit is open.
 * - `order`: too many events wait for an earlier one of their key.
 * - `log`: its plugin's commit log cannot be used.
 * - `process`: none of its plugin's processes runs.
 */
export type WaitsFor = 'durable' | 'refused' | 'circuit' | 'order' | 'log' | 'process';

/** `paused`: an operator has paused its durable on the server. */
export type HandlerState = 'running' | 'waiting' | 'paused';

export interface StatusSources {
  readonly feeds: readonly Pick<DurableFeed, 'condition' | 'isMissing' | 'isWaitingForRedeliveries'>[];
  readonly circuit: Pick<CircuitBreaker, 'isOpen'>;
  readonly intake: { readonly isFull: boolean };
  /** Returns why the plugin's commit log cannot be used, if that is so. */
  logFailure(): JetplugError | undefined;
  /** Returns the code of the version that runs. */
  code(): Pick<PluginCode, 'processes'>;
}

/** Whether a handler takes events and, if not, why. Each property is computed when it is read. */
export class HandlerStatus {
  constructor(private readonly sources: StatusSources) {}

  get state(): HandlerState {
    const { waitsFor } = this;
    const isPaused = this.pausedUntil !== undefined && waitsFor !== 'durable' && waitsFor !== 'refused';
    if (isPaused) return 'paused';
    return waitsFor === undefined ? 'running' : 'waiting';
  }

  get waitsFor(): WaitsFor | undefined {
    const { feeds, circuit, intake, code } = this.sources;
    if (this.sources.logFailure()) return 'log';
    if (this.durableReason !== undefined) return 'refused';
    if (feeds.some(({ isMissing }) => isMissing)) return 'durable';
    if (circuit.isOpen) return 'circuit';
    if (code().processes?.every(({ state }) => state !== 'running')) return 'process';
    return intake.isFull || feeds.some((feed) => feed.isWaitingForRedeliveries) ? 'order' : undefined;
  }

  /** Why a durable delivers nothing, or why the commit log cannot be used, in words. */
  get reason(): string | undefined {
    const failure = this.sources.logFailure();
    return failure ? `${failure.message} (${failure.code})` : this.durableReason;
  }

  private get durableReason(): string | undefined {
    return this.sources.feeds.map(({ condition }) => condition.reason).find((reason) => reason !== undefined);
  }

  get pausedUntil(): Date | undefined {
    return this.sources.feeds.map(({ condition }) => condition.pausedUntil).find((until) => until !== undefined);
  }

  get drift(): readonly string[] {
    return this.sources.feeds.flatMap(({ condition }) => condition.drift);
  }
}
