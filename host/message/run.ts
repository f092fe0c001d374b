import { AsyncLocalStorage } from 'node:async_hooks';
import type { Envelope } from '../../sdk/internal';
import { NO_FAILURES, attemptAfter, type Failures } from './failures/failures';
import type { Decoded } from './decode';
import type { BatchWrites } from '../records/commits/batch-writes';
import type { EventOf, ReadTexts } from '../records/commits/commit';
import type { Transaction } from '../records/commits/transaction';
import type { Delivery } from '../broker/delivery';
import type { AfterCommitWork } from './after-commit-work';
import type { CommitPoints } from './commit-points';
import { Execution, type RunRegistry } from './execution';
import type { Decision } from './decide';
import type { Invalid, Outcome } from './outcome';
import type { Handler } from './handler';
import type { OutgoingEvent } from '../broker/ports';
import type { LoggedLines } from './run-lines';

/** One call of a handler for several events. */
export interface BatchCall extends Execution {
  readonly runs: readonly Run[];
  /** The store changes of the call, by event. */
  readonly writes: BatchWrites;
  /** The runs that are being committed. */
  committing: readonly Run[];
}

/** The effects that a run has committed before its handler returned. */
export interface CommittedParts {
  readonly emits: OutgoingEvent[];
  readonly keys: Set<string>;
}

/** One attempt of a handler at one delivery. A run is the object that passes through the steps of the pipeline. */
export class Run extends Execution {
  /** The batch's call, where the handler takes several events at a time. */
  batch: BatchCall | undefined;
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
  /** The outcome of a handler that has failed, until the values that it has read are known to be committed. */
  failure: Outcome | undefined;
  outcome: Outcome | undefined;
  /** The texts that the committed parts of the event have read. The run repeats these parts. */
  past: readonly ReadTexts[] = NONE;
  /** The run's commit points; created at the first one. */
  points: CommitPoints | undefined;
  /**
   * Whether the event is committed and its after-commit work is not done. A run that starts with this repeats the
   * handler, to get the work.
   */
  owesWork = false;
  /** The failure, if the handler's new version is responsible for it. */
  excused: Error | undefined;
  decision: Decision | undefined;
  // Created at the first use, because most runs neither publish nor update.
  private published: OutgoingEvent[] | undefined;
  private publishedOn: Map<string, number> | undefined;
  private work: AfterCommitWork[] | undefined;
  private operations: Set<Promise<unknown>> | undefined;
  /** The headers of the events that the run publishes, once it has published one. */
  emitHeaders: Readonly<Record<string, string>> | undefined;
  /** The effects that the run has committed at commit points, for its record. */
  committed: CommittedParts | undefined;
  /** The lines that the plugin has logged in the run, for its record. */
  logged: LoggedLines | undefined;

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

  get hasWork(): boolean {
    return this.work !== undefined;
  }

  /** How many commit points of the event the run has passed. */
  get passed(): number {
    return this.points?.passed ?? 0;
  }

  /** Whether the run has read or changed its store, has published, has a commit point or has after-commit work. */
  get hasEffects(): boolean {
    return this.hasTransaction || this.hasPublished || this.hasWork || this.points !== undefined;
  }

  /** Takes out the published events, because they are committed. Later ones get other ids. */
  takeOutbox(): readonly OutgoingEvent[] {
    const taken = this.published ?? NONE;
    this.published = undefined;
    return taken;
  }

  addWork(work: AfterCommitWork): void {
    (this.work ??= []).push(work);
  }

  /** Takes out the after-commit work, to do it. */
  takeWork(): readonly AfterCommitWork[] {
    const taken = this.work ?? NONE;
    this.work = undefined;
    return taken;
  }

  override called(): void {
    this.registry.called(this.delivery);
  }

  override waitsAtCommitPoint(): boolean {
    return this.points?.isCommitting ?? false;
  }

  /** Notes that the handler has called an operation of the store or the bus that takes effect later. */
  takesEffectLater<T>(operation: Promise<T>): Promise<T> {
    const operations = (this.operations ??= new Set());
    operations.add(operation);
    const ended = (): boolean => operations.delete(operation);
    operation.then(ended, ended);
    return operation;
  }

  /** The operations that the handler has called and that have not taken effect yet. */
  get openOperations(): readonly Promise<unknown>[] {
    return this.operations ? [...this.operations] : NONE;
  }

  override get transaction(): Transaction {
    return this.batch ? this.batch.transaction : super.transaction;
  }

  override get hasTransaction(): boolean {
    return this.batch ? this.batch.hasTransaction : super.hasTransaction;
  }

  /** Creates the run that starts this one again. It keeps the locks. */
  again(): Run {
    const next = new Run(this.handler, this.delivery, this.registry);
    if (this.hasTransaction) next.startFrom(this.transaction);
    return next;
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
}

const NONE: readonly never[] = [];

/** Returns the event of a run, as the commit log names it. */
export function eventOf({ handler: { settlements }, delivery }: Pick<Run, 'handler' | 'delivery'>): EventOf {
  return {
    durable: settlements.durable,
    incarnation: settlements.streamIncarnation,
    sequence: delivery.sequence,
  };
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
  constructor(
    readonly plugin: string,
    readonly handler: string | undefined,
  ) {}
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
export function currentOwner(): { readonly plugin: string; readonly handler?: string | undefined } | undefined {
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

/**
 * Runs code of a plugin outside of its handlers.
 * @param handler the handler that began the work, if any
 */
export function inBackgroundOf<T>(plugin: string, body: () => T, handler?: string): T {
  return current.run(new Background(plugin, handler), body);
}
