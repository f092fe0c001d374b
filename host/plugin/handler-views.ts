import type { HandlerCounters } from '../message/counters';
import type { KvAttemptLog } from '../message/failures/attempts';
import type { CircuitBreaker } from '../message/failures/circuit-breaker';
import type { HandlerCanary } from '../message/failures/handler-canary';
import type { Handler } from '../message/handler';
import type { Settlements } from '../records/settlements';
import type { PartedLog } from '../log/log';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import type { PluginCode } from '../load/plugin-code';
import type { PluginHost } from './plugin-host';

/** A handler as one version of its plugin has it. */
export interface HandlerVersion {
  readonly plugin: PluginDefinition;
  readonly definition: HandlerDefinition;
  readonly code: PluginCode;
  /** The handler's part of the version's canary phase; absent if there is none. */
  readonly canary: HandlerCanary | undefined;
}

/** The parts of a handler that stay the same when its version changes. */
export interface HandlerParts {
  readonly attempts: KvAttemptLog;
  readonly circuit: CircuitBreaker;
  readonly counters: HandlerCounters;
  readonly log: PartedLog;
}

/**
 * A handler with all that handling a message needs. There is one view for each stream, because each stream has
 * settlements of its own.
 */
export class HandlerViews {
  private views = new Map<Settlements, Handler>();

  constructor(
    private current: HandlerVersion,
    private readonly parts: HandlerParts,
    private readonly host: PluginHost,
  ) {}

  get version(): HandlerVersion {
    return this.current;
  }

  /** Makes {@link of} return views of this version. */
  renew(version: HandlerVersion): void {
    this.current = version;
    this.views = new Map();
  }

  of(settlements: Settlements): Handler {
    const present = this.views.get(settlements);
    if (present) return present;
    const view = this.makeView(settlements);
    this.views.set(settlements, view);
    return view;
  }

  private makeView(settlements: Settlements): Handler {
    const { host, parts } = this;
    const { definition, plugin, code, canary } = this.current;
    return {
      plugin: plugin.name,
      name: definition.name,
      durable: settlements.durable,
      subject: definition.subject,
      version: plugin.version,
      where: definition.where,
      ...(definition.contract && { contract: definition.contract }),
      concurrency: definition.concurrency,
      timeoutMs: definition.timeoutMs,
      retry: definition.retry,
      key: definition.key,
      batch: definition.batch,
      limits: host.config.delivery,
      invoke: code.handler(definition.method),
      settlements,
      commits: host.commits.get(plugin.name)!,
      ...parts,
      canary,
      deadLetters: host.deadLetters,
      retryQueue: host.retryQueue,
      outgoing: host.outgoing,
      recorder: host.recorder,
      telemetry: host.telemetry,
      time: host.time,
      random: host.random,
    };
  }
}
