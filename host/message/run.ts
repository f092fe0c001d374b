import { AsyncLocalStorage } from 'node:async_hooks';
import type { Envelope } from '../../sdk/internal';
import type { UpdateIdentity } from '../records/write-batch';
import { NO_FAILURES, attemptAfter, type Failures } from './failures/failures';
import { attributeHeaders } from './cloud-events';
import type { Decoded } from './decode';
import type { AppliedUpdate, Delivery } from '../broker/delivery';
import { Execution, type RunRegistry } from './execution';
import type { Decision } from './decide';
import type { Invalid, Outcome } from './outcome';
import type { Handler } from './handler';
import type { OutgoingEvent } from '../broker/ports';
import { HandlerContext, type EventFacts } from './handler-context';

/** One attempt of a handler at one delivery. A run is the object that passes through the steps of the pipeline. */
export class Run extends Execution {
  /** The number of the run's store updates without an answer. It is unknown whether they were applied. */
  unanswered = 0;
  /** The batch's call, where the handler takes several events at a time. */
  batch: Execution | undefined;
  /** The event, once it is validated. */
  event: Envelope | undefined;
  /** The earlier failures of the message. */
  failures: Failures = NO_FAILURES;
  /** Set by the step that decodes the message. */
  decoded!: Decoded;
  /** Whether the start of the run is stored, so that a later process notices if this one dies. */
  marked = false;
  /** Lets the handler's other messages run again. Set while this message runs alone. */
  endTurnAlone: (() => void) | undefined;
  outcome: Outcome | undefined;
  /** The failure, if the handler's new version is responsible for it. */
  excused: Error | undefined;
  decision: Decision | undefined;
  // Created at the first use, because most runs neither publish nor update.
  private published: OutgoingEvent[] | undefined;
  private publishedOn: Map<string, number> | undefined;
  private appliedUpdates: AppliedUpdate[] | undefined;
  private updatesOf: Map<string, number> | undefined;

  constructor(
    handler: Handler,
    readonly delivery: Delivery,
    registry: RunRegistry,
    /** The decoded delivery, if the intake decoded it for its key. */
    readonly decodedBefore?: Decoded | Invalid,
  ) {
    super(handler, registry);
  }

  /** The events that the handler published, in order. They are sent after it returns. */
  get outbox(): OutgoingEvent[] {
    return (this.published ??= []);
  }

  get hasPublished(): boolean {
    return this.published !== undefined && this.published.length > 0;
  }

  /** How many events the run has published on each subject. */
  get ordinals(): Map<string, number> {
    return (this.publishedOn ??= new Map());
  }

  /** The updates that the run applied to stores. */
  get applied(): AppliedUpdate[] {
    return (this.appliedUpdates ??= []);
  }

  get hasApplied(): boolean {
    return this.appliedUpdates !== undefined;
  }

  private get updates(): Map<string, number> {
    return (this.updatesOf ??= new Map());
  }

  /** The number of this attempt, from 1. */
  get attempt(): number {
    return attemptAfter(this.failures);
  }

  override get isOver(): boolean {
    return this.batch ? this.batch.isOver : super.isOver;
  }

  override get signal(): AbortSignal {
    return this.batch ? this.batch.signal : super.signal;
  }

  /** A call with a single event needs no argument to identify the event. */
  runFor(): this {
    return this;
  }

  /** Returns the next update of this key if an earlier run applied it before the event went to the retry queue. */
  appliedBefore(key: string): AppliedUpdate | undefined {
    if (!this.delivery.past) return undefined;
    const ordinal = this.updates.get(key) ?? 0;
    const before = this.failures.applied.find((update) => update[0] === key && update[1] === ordinal);
    if (before) this.updates.set(key, ordinal + 1);
    return before;
  }

  /** Identifies the next update of this key by the event and by its index among the run's updates of the key. */
  nextIdentity(key: string): UpdateIdentity {
    const ordinal = this.updates.get(key) ?? 0;
    this.updates.set(key, ordinal + 1);
    const { settlements, texts } = this.handler;
    return { settlements, texts, sequence: this.delivery.sequence, ordinal };
  }
}

/** The handler's call that the caller runs in, with one event or a batch. */
export interface Scope extends Execution {
  /**
   * Returns the run of one of the call's events.
   * @throws JetplugError `JP_BATCH_EVENT` if the call has a batch and `event` is not one of its events
   */
  runFor(event: object | undefined, what: string): Run;
}

/** The scope of a plugin's code outside of its handlers, such as work that `onStart` begins. */
class Background {
  constructor(readonly plugin: string) {}
}

const current = new AsyncLocalStorage<Scope | Background>();

/** Returns the call of a handler in which the caller runs, if any. */
export function currentScope(): Scope | undefined {
  const scope = current.getStore();
  return scope instanceof Background ? undefined : scope;
}

/**
 * Returns the plugin whose code is running and, if a handler began the work, that handler, also after the handler has
 * returned.
 */
export function currentOwner(): { readonly plugin: string; readonly handler?: string } | undefined {
  const scope = current.getStore();
  if (!scope || scope instanceof Background) return scope;
  return { plugin: scope.handler.plugin, handler: scope.handler.name };
}

/**
 * Returns the run of the event that the caller works for, if the caller is in a handler.
 * @throws JetplugError `JP_RUN_OVER` when the call has ended, `JP_BATCH_EVENT` if the call has a batch and `event` is
 * not one of its events
 */
export function currentRun(what: string, event?: object): Run | undefined {
  const scope = currentScope();
  scope?.assertLive(what);
  return scope?.runFor(event, what);
}

export function within<T>(scope: Scope, body: () => T): T {
  return current.run(scope, body);
}

/** Runs code of a plugin outside of its handlers. */
export function inBackgroundOf<T>(plugin: string, body: () => T): T {
  return current.run(new Background(plugin), body);
}

/** Returns the headers as a handler sees them. */
export function contextHeaders({ delivery, decoded: { cloudEvent } }: Run): Readonly<Record<string, string>> {
  const headers = delivery.headers();
  return cloudEvent?.mode === 'structured' ? { ...attributeHeaders(cloudEvent), ...headers } : headers;
}

/** Returns the properties of a run's delivery that its handler can read. */
export function factsOf({ attempt, delivery, decoded }: Run): EventFacts {
  const { subject, sequence: deliveredAs, origin } = delivery;
  const { stream, sequence, storedAtMs } = origin;
  return { attempt, subject, stream, sequence, deliveredAs, storedAtMs, cloudEvent: decoded.cloudEvent };
}

/** The context of a run in the host. */
export class RunContext extends HandlerContext {
  constructor(private readonly run: Run) {
    super();
  }

  get headers(): Readonly<Record<string, string>> {
    return contextHeaders(this.run);
  }
  get signal(): AbortSignal {
    return this.run.signal;
  }

  protected get handler(): Handler {
    return this.run.handler;
  }

  protected readFacts(): EventFacts {
    return factsOf(this.run);
  }
}
