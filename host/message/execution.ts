import { whenSettled } from '../base/promises';
import type { MessageRef } from '../broker/delivery';
import { Transaction } from '../records/commits/transaction';
import type { Handler } from './handler';
import { HandlerCall } from './handler-call';
import { Later } from './later';
import type { Outcome } from './outcome';

/** The executions of one handler that can be interrupted, and the permit for one of them to run alone. */
export interface RunRegistry {
  add(execution: Execution): void;
  remove(execution: Execution): void;
  /** Whether the grace period of a stop is over. A run that has not called its handler by then ends as released. */
  readonly isReleased: boolean;
  /**
   * Waits until nothing else of the handler runs. The caller then runs alone until it calls the returned function.
   * Resolves with undefined if the host stops first.
   */
  alone(): Promise<(() => void) | undefined>;
  /**
   * Notes that a call has returned and waits for its commit, or until its events are sent. It does not count as running
   * meanwhile.
   */
  beginCommit(): void;
  endCommit(): void;
  /** Notes that a call needs no permit of the host, because it waits for something else, until {@link enterHost}. */
  leaveHost(): void;
  enterHost(): void;
  /** Notes that the handler is called with an event. */
  called(delivery: MessageRef): void;
  /** Waits until a call that must start again may run. Undefined if it may run now. */
  whenFree(): Promise<void> | undefined;
}

/** The callbacks for the end of an execution's work. All but `failedLate` return the result of the step. */
export interface Endings<E, T, U> {
  done(execution: E, result: T): U;
  failed(execution: E, thrown: unknown): U;
  interrupted(execution: E, outcome: Outcome): U;
  /** Called if the work fails after it was interrupted. Default: the failure is ignored. */
  failedLate?(execution: E, thrown: unknown): void;
}

/** One call of a handler in the host. It ends when the handler returns or throws, when its time is up, or when the host stops. */
export class Execution extends HandlerCall<Handler> {
  /**
   * When the call began, by the host's monotonic clock. Infinity before that, also while the call waits for the
   * plugin's process.
   */
  startedAtMs = Infinity;
  /** When the call ended, or since when it waits for other calls. */
  private pausedAtMs: number | undefined;
  private pauses = 0;
  /** Set while the work can be interrupted. */
  private wait: Later<unknown> | undefined;
  private endings: Endings<unknown, never, unknown> | undefined;
  private measured = false;
  private ownTransaction: Transaction | undefined;

  private hasLeftHost = false;
  /** Whether the plugin's process has got the call and not begun it. */
  private isSent = false;

  /** The execution's index in the registry. Only the registry uses it. */
  place = -1;

  constructor(
    handler: Handler,
    readonly registry: RunRegistry,
  ) {
    super(handler);
  }

  /** The call's reads and changes of its plugin's store. Created at the first use. */
  get transaction(): Transaction {
    return (this.ownTransaction ??= new Transaction());
  }

  get hasTransaction(): boolean {
    return this.ownTransaction !== undefined;
  }

  /** Replaces the transaction: by one that holds locks for the call, or by one for the next part. */
  startFrom(transaction: Transaction): void {
    this.ownTransaction = transaction;
  }

  /** Whether the call waits for a commit while its handler runs. */
  waitsAtCommitPoint(): boolean {
    return false;
  }

  /**
   * Resets the start, because the plugin's process has not begun the call that it was sent. The timeout does not run
   * yet.
   */
  waitToBegin(): void {
    this.startedAtMs = Infinity;
    this.isSent = true;
  }

  /** Called when the handler's code begins. */
  called(): void {
    // A run and a batch note the call in the registry.
  }

  /** Whether the call has not begun. */
  get waits(): boolean {
    return this.startedAtMs === Infinity;
  }

  /** Gives up the call's permit of the host until the call begins, because the plugin has no process for it. */
  leaveHost(): void {
    if (this.hasLeftHost) return;
    this.hasLeftHost = true;
    this.registry.leaveHost();
  }

  begin(): void {
    this.startedAtMs = this.handler.time.nowMs();
    this.enterHost();
    if (!this.isSent) return;
    this.isSent = false;
    this.called();
  }

  /** Ends the call. The wait for its commit does not count as its time. */
  override end(reason?: unknown): void {
    this.pausedAtMs ??= this.handler.time.nowMs();
    super.end(reason);
  }

  /** For how long the call has run, in milliseconds, without its pauses. */
  ranMs(nowMs: number): number {
    return (this.pausedAtMs ?? nowMs) - this.startedAtMs;
  }

  /** Does not count the time of the promise as time of the call, because the call waits for other calls. */
  async paused(wait: Promise<void>): Promise<void> {
    this.pausedAtMs ??= this.handler.time.nowMs();
    this.pauses++;
    await wait;
    if (--this.pauses > 0 || this.isOver) return;
    this.startedAtMs += this.handler.time.nowMs() - this.pausedAtMs;
    this.pausedAtMs = undefined;
  }

  /** Waits for the work, as {@link await} does. */
  interruptible<T, U>(work: Promise<T>, endings: Endings<this, T, U>): Later<U> {
    const later = this.await(endings);
    this.follow(work, later, endings);
    return later;
  }

  /**
   * Waits until {@link done}, {@link failed} or {@link follow} is called for the wait; {@link interrupt} ends it. Until
   * then the execution is in the registry. The endings get the execution as a parameter, and the wait is kept in fields,
   * because closures for each message would outlive the message in the garbage collector's old space.
   */
  await<T, U>(endings: Endings<this, T, U>): Later<U> {
    const later = new Later<U>();
    this.wait = later as Later<unknown>;
    this.endings = endings;
    this.registry.add(this);
    return later;
  }

  /** Ends the wait when the work ends. */
  follow<T, U>(work: Promise<T>, later: Later<U>, endings: Endings<this, T, U>): void {
    void whenSettled(
      work,
      (result) => this.done(result, later, endings),
      (thrown: unknown) => this.failed(thrown, later, endings),
    );
  }

  /** Ends the wait with the result of the work, unless it was interrupted. */
  done<T, U>(result: T, later: Later<U>, endings: Endings<this, T, U>): void {
    if (this.endWait(later)) later.resolve(() => endings.done(this, result));
  }

  failed<T, U>(thrown: unknown, later: Later<U>, endings: Endings<this, T, U>): void {
    if (this.endWait(later)) later.resolve(() => endings.failed(this, thrown));
    else endings.failedLate?.(this, thrown);
  }

  /**
   * Ends the work with the outcome of a timeout or of a stop. Once the handler has returned, and at a commit point, only
   * a stop ends the remaining work: a retry in this host must not overtake the commit.
   */
  interrupt(outcome: Outcome): void {
    const { wait, endings } = this;
    if (!wait || !endings || ((this.isOver || this.waitsAtCommitPoint()) && outcome.kind !== 'released')) return;
    this.end('error' in outcome ? outcome.error : new Error('the host is stopping'));
    if (this.endWait(wait)) wait.resolve(() => endings.interrupted(this, outcome));
  }

  /** Ends the wait for this work. Returns false if the wait had ended before. */
  private endWait<U>(later: Later<U>): boolean {
    if (this.wait !== (later as Later<unknown>)) return false;
    this.enterHost();
    this.wait = undefined;
    this.endings = undefined;
    this.registry.remove(this);
    return true;
  }

  private enterHost(): void {
    if (!this.hasLeftHost) return;
    this.hasLeftHost = false;
    this.registry.enterHost();
  }

  /** Counts the call with its duration, once, if it has begun. */
  measure(): void {
    if (this.measured || this.waits) return;
    this.measured = true;
    const { counters, time } = this.handler;
    counters.durations.observe(this.ranMs(time.nowMs()) / 1_000);
  }
}
