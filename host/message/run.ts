import { AsyncLocalStorage } from 'node:async_hooks';
import type { Envelope } from '../../sdk/internal';
import type { Author } from '../records/write-batch';
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

/** One attempt of a handler at one delivery: the record that flows through the message's life. */
export class Run extends Execution {
  /** The number of its store updates without an answer: it is unknown whether they were applied. */
  unanswered = 0;
  /** The batch's call, where the handler takes several events at a time. */
  batch: Execution | undefined;
  /** The event, once it is validated. */
  event: Envelope | undefined;
  /** The earlier failures of the message. */
  failures: Failures = NO_FAILURES;
  /** Set by the step that decodes the message. */
  decoded!: Decoded;
  /** Whether the start of the run is recorded, so that a death of the process is noticed. */
  marked = false;
  /** Set while the message runs alone: lets the handler's other messages run again. */
  endTurnAlone: (() => void) | undefined;
  outcome: Outcome | undefined;
  /** The failure, if the handler's new version is responsible for it. */
  excused: Error | undefined;
  decision: Decision | undefined;
  // Made at the first use: most runs neither publish nor update.
  private published: OutgoingEvent[] | undefined;
  private publishedOn: Map<string, number> | undefined;
  private appliedUpdates: AppliedUpdate[] | undefined;
  private updatesOf: Map<string, number> | undefined;

  constructor(
    handler: Handler,
    readonly delivery: Delivery,
    registry: RunRegistry,
    /** The result of decoding it, if its key was needed before. */
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

  /** How many events it has published on each subject. */
  get ordinals(): Map<string, number> {
    return (this.publishedOn ??= new Map());
  }

  /** The updates that it applied to stores. */
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

  /** The next update of this key, if an earlier run applied it before the event went to the retry queue. */
  appliedBefore(key: string): AppliedUpdate | undefined {
    if (!this.delivery.past) return undefined;
    const ordinal = this.updates.get(key) ?? 0;
    const before = this.failures.applied.find((update) => update[0] === key && update[1] === ordinal);
    if (before) this.updates.set(key, ordinal + 1);
    return before;
  }

  /** Identifies the next update of this key by its event and its index within the run. */
  authorOf(key: string): Author {
    const ordinal = this.updates.get(key) ?? 0;
    this.updates.set(key, ordinal + 1);
    const { settlements, texts } = this.handler;
    return { settlements, texts, sequence: this.delivery.sequence, ordinal };
  }
}

/** The handler's call that the caller runs in, with one event or a batch. */
export interface Scope extends Execution {
  /**
   * The run of one of its events.
   * @throws JetplugError `JP_BATCH_EVENT` if a batch is not passed one of its events
   */
  runFor(event: object | undefined, what: string): Run;
}

/** The scope of a plugin's code outside of its handlers, such as work that `onStart` begins. */
class Background {
  constructor(readonly plugin: string) {}
}

const current = new AsyncLocalStorage<Scope | Background>();

/** The handler's call that the caller runs in, if any. */
export function currentScope(): Scope | undefined {
  const scope = current.getStore();
  return scope instanceof Background ? undefined : scope;
}

/** The plugin whose code is running, and its handler, also after the handler has returned. */
export function currentOwner(): { readonly plugin: string; readonly handler?: string } | undefined {
  const scope = current.getStore();
  if (!scope || scope instanceof Background) return scope;
  return { plugin: scope.handler.plugin, handler: scope.handler.name };
}

/**
 * The run of the event that the caller works for, if it is in a handler.
 * @throws JetplugError `JP_RUN_OVER` when the call has ended, `JP_BATCH_EVENT` if a batch is not passed one of its events
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

/** The headers as a handler sees them. */
export function contextHeaders({ delivery, decoded: { cloudEvent } }: Run): Readonly<Record<string, string>> {
  const headers = delivery.headers();
  return cloudEvent?.mode === 'structured' ? { ...attributeHeaders(cloudEvent), ...headers } : headers;
}

/** The properties of a run's delivery that its handler can read. */
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
