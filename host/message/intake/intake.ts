import { SequenceMap } from '../../base/sequence-map';
import { isPromise } from '../../base/maybe-promise';
import { machineTime, type Time } from '../../base/time';
import type { HandlerCounters } from '../counters';
import { decode } from '../decode';
import type { Delivery } from '../../broker/delivery';
import { timedOut } from '../thrown-outcome';
import type { Execution, RunRegistry } from '../execution';
import type { Settlements } from '../../records/settlements';
import type { Handler } from '../handler';
import { BufferedDelivery, LocalRetryDelivery } from './buffered-delivery';
import { BatchQueue, KeyedQueue, ArrivalQueue, type DispatchQueue } from './dispatch-queue';
import { Prefetch, type PrefetchBounds } from './prefetch';
import { processBatch, processMessage } from '../process-message';
import type { SuspectTurns } from '../failures/suspects';
import { VersionRuns } from './version-runs';

const FAULT_DELAY_MS = 5_000;

export interface IntakeOptions {
  readonly ackWaitMs: number;
  /** How many deliveries wait here for a place to run, so that the next is at hand. */
  readonly prefetch: PrefetchBounds;
  /** By which it is told how quick the handler is. */
  readonly counters: Pick<HandlerCounters, 'runs' | 'durationSumS'>;
  /** How many it holds at most, those that wait for another of their key included. */
  readonly maxHeld: number;
  /** Shared by all handlers of the host. */
  readonly suspects: SuspectTurns;
  /** Default: the machine's. */
  readonly time?: Time;
  /** Called when there is room for more. */
  onRoom(): void;
}

/** What a version of a handler may change without its line being another. */
export interface IntakeSizes {
  readonly concurrency: number;
  readonly prefetch: PrefetchBounds;
}

/**
 * One handler's deliveries in this host: lets `concurrency` of them run and the rest wait, in their order
 * or in that of their keys, alone or in batches; keeps the server informed of all, and interrupts what
 * takes too long.
 */
export class Intake implements RunRegistry {
  private readonly line: DispatchQueue;
  /** By what is settled of each stream that they come from. */
  private readonly held = new Map<Settlements, SequenceMap<BufferedDelivery>>();
  /** What is interrupted may leave it at once: to be gone through as a copy. */
  private readonly executions: Execution[] = [];
  private concurrency: number;
  private readonly prefetch: Prefetch;
  /** The newest version of a handler. */
  private renew: (handler: Handler) => Handler = (handler) => handler;
  private runs = new VersionRuns();
  private count = 0;
  private active = 0;
  private stopping = false;
  /** What has come while arrivals are held up, see {@link holdUp}. */
  private heldUp: BufferedDelivery[] | undefined;
  /** How many deliveries may still begin, or come in: see {@link admit}. */
  private admitted = Infinity;
  /** Those of the active that wait until they are alone. */
  private waitingAlone = 0;
  private isAlone = false;
  private whenAlone: (() => void) | undefined;
  private whenIdle: (() => void) | undefined;
  private readonly stopped: Promise<void>;
  private tellStopped!: () => void;

  constructor(
    private readonly limits: Pick<Handler, 'concurrency' | 'key' | 'batch'>,
    private readonly options: IntakeOptions,
  ) {
    this.concurrency = limits.concurrency;
    this.prefetch = new Prefetch(options.prefetch, options.counters, options.ackWaitMs, limits.batch?.size);
    this.line =
      limits.key !== undefined
        ? new KeyedQueue()
        : limits.batch
          ? new BatchQueue(limits.batch, () => this.startNext(), options.time)
          : new ArrivalQueue();
    this.stopped = new Promise((resolve) => (this.tellStopped = resolve));
  }

  get running(): number {
    return this.active;
  }

  get queued(): number {
    return this.line.ready;
  }

  /** How many more deliveries it has room for. */
  get room(): number {
    return Math.min(this.prefetch.size - this.line.ready, this.options.maxHeld - this.count);
  }

  /** Whether it takes nothing more because of what waits for another of its key. */
  get isFull(): boolean {
    return this.count >= this.options.maxHeld;
  }

  /** Takes a delivery for the handler, as it is set up for the stream that the delivery is from. */
  offer(delivery: Delivery, handler: Handler): void {
    if (this.stopping || (this.admitted <= 0 && !this.keepsPlaces)) return delivery.nak();
    if (!this.keepsPlaces) this.admitted--;
    this.prefetch.arrived(delivery.size);
    if (this.isFreeFor(delivery, handler)) return this.startAtOnce(delivery, handler);
    const held = this.take(delivery, handler);
    if (!held) return;
    if (this.heldUp) this.heldUp.push(held);
    else this.line.push(held);
    this.startNext();
  }

  /** How many of the stream's deliveries are here. */
  heldOf(handler: Handler): number {
    return this.held.get(handler.settlements)?.size ?? 0;
  }

  /**
   * What begins from here on, runs on the version that `renew` gives; what runs, ends on its own.
   * Resolves when all that ran has ended.
   */
  swap({ concurrency, prefetch }: IntakeSizes, renew: (handler: Handler) => Handler): Promise<void> {
    const before = this.runs;
    this.runs = new VersionRuns();
    this.renew = renew;
    this.concurrency = concurrency;
    this.prefetch.bound(prefetch);
    this.startNext();
    this.options.onRoom();
    return before.ended();
  }

  /** From here on what arrives waits until {@link letIn}, which sorts it: older deliveries may still come. */
  holdUp(): void {
    this.heldUp ??= [];
  }

  letIn(): void {
    const arrived = this.heldUp ?? [];
    this.heldUp = undefined;
    for (const held of arrived.sort(bySequence)) this.line.push(held);
    this.startNext();
  }

  /**
   * Lets so many more deliveries run and no more: none, one for a probe, or all. What waits goes back to the
   * stream, unless it would lose its place there.
   */
  admit(count: number): void {
    this.admitted = count;
    if (count === 0 && !this.keepsPlaces) this.giveBackWaiting();
    this.startNext();
  }

  add(execution: Execution): void {
    execution.place = this.executions.push(execution) - 1;
  }

  remove(execution: Execution): void {
    const last = this.executions.pop()!;
    if (last === execution) return;
    this.executions[execution.place] = last;
    last.place = execution.place;
  }

  async alone(): Promise<(() => void) | undefined> {
    this.waitingAlone++;
    this.noteAlone();
    const turn = this.options.suspects.next();
    const endTurn = await Promise.race([turn, this.stopped]);
    if (!endTurn) {
      this.waitingAlone--;
      void turn.then((end) => end());
      return undefined;
    }
    this.isAlone = true;
    if (this.active > this.waitingAlone) await new Promise<void>((resolve) => (this.whenAlone = resolve));
    this.whenAlone = undefined;
    this.waitingAlone--;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      this.isAlone = false;
      endTurn();
      this.startNext();
    };
    if (!this.stopping) return end;
    end();
    return undefined;
  }

  /** Prolongs what waits or runs, interrupts what has run too long, and looks how much to prefetch. Called every now and then. */
  sweep(nowMs: number): void {
    if (this.count > 0) this.prolong(nowMs);
    let oldestMs = 0;
    for (const execution of [...this.executions]) {
      const tookMs = nowMs - execution.startedAtMs;
      oldestMs = Math.max(oldestMs, tookMs);
      if (tookMs >= execution.handler.timeoutMs) execution.interrupt(timedOut(execution));
    }
    this.prefetch.adapt(oldestMs);
  }

  /**
   * Gives back what has not begun, and waits for what has; what is not done by the deadline is
   * given back as well. Resolves when everything is settled.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.tellStopped();
    this.whenAlone?.();
    this.giveBackWaiting();
    // They are called, but wait for a process to run in.
    for (const execution of [...this.executions]) if (execution.waits) execution.interrupt({ kind: 'given-back' });
    if (this.active === 0) return;
    const idle = new Promise<void>((resolve) => (this.whenIdle = resolve));
    const timer = this.time.after(graceMs, () => this.giveBack());
    await idle;
    timer.cancel();
  }

  private prolong(nowMs: number): void {
    for (const held of this.all()) {
      if (nowMs - held.touchedAtMs < this.options.ackWaitMs / 3) continue;
      held.delivery.working();
      held.touchedAtMs = nowMs;
    }
  }

  private get time(): Time {
    return this.options.time ?? machineTime;
  }

  /** Where events of one key come in order, none of them goes back to the stream, where others would overtake it. */
  private get keepsPlaces(): boolean {
    return this.limits.key !== undefined;
  }

  /** Whether it may run at once, with nothing before it or beside it that it would have to wait for. */
  private isFreeFor({ sequence }: Delivery, { settlements }: Handler): boolean {
    const { line, limits } = this;
    if (line.ready > 0 || limits.key !== undefined || limits.batch || this.heldUp || this.isAlone) return false;
    return this.active < this.concurrency && (this.count === 0 || !this.held.get(settlements)?.has(sequence));
  }

  /** What ends at once, as most of quick handlers does, need not be held. */
  private startAtOnce(delivery: Delivery, handler: Handler): void {
    const { runs } = this;
    const current = this.renew(handler);
    this.active++;
    runs.begin();
    try {
      const settled = processMessage(current, delivery, this);
      if (!isPromise(settled)) return this.end(runs);
      this.follow(this.hold(delivery, current), settled, runs);
    } catch (error) {
      this.fault(current, delivery, error);
      this.end(runs);
    }
  }

  /** What the host has already is not taken twice: the server delivers again what it did not hear of for long. */
  private take(delivery: Delivery, handler: Handler): BufferedDelivery | undefined {
    const present = this.held.get(handler.settlements)?.get(delivery.sequence);
    if (present && !present.hasLeft) return undefined;
    if (present) this.drop(present);
    const held = this.hold(delivery, handler);
    if (this.keepsPlaces) this.keepPlace(held);
    return held;
  }

  private hold(delivery: Delivery, handler: Handler): BufferedDelivery {
    const here = this.held.get(handler.settlements) ?? new SequenceMap<BufferedDelivery>();
    const held = new BufferedDelivery(delivery, handler);
    here.set(delivery.sequence, held);
    this.held.set(handler.settlements, here);
    this.count++;
    return held;
  }

  private keepPlace(held: BufferedDelivery): void {
    const kept = new LocalRetryDelivery(held.delivery, (delayMs) => {
      if (this.stopping) return false;
      held.retryTimer = this.time.after(delayMs, () => {
        held.retryTimer = undefined;
        kept.resume();
        this.line.push(held);
        this.startNext();
      });
      return true;
    });
    held.delivery = kept;
    held.decoded = decode(kept, held.handler.limits);
    held.key = keyOf(held);
  }

  /** All that is active waits to be alone: the one whose turn it is, is. */
  private noteAlone(): void {
    if (this.active === this.waitingAlone) this.whenAlone?.();
  }

  private giveBackWaiting(): void {
    const retrying = [...this.all()].filter(({ retryTimer }) => retryTimer !== undefined);
    for (const held of retrying) {
      held.retryTimer?.cancel();
      (held.delivery as LocalRetryDelivery).resume();
    }
    const waiting = [...this.line.clear(), ...(this.heldUp?.splice(0) ?? []), ...retrying];
    // In the order of the stream, in which the server gives them out again.
    for (const held of waiting.sort(bySequence)) {
      held.delivery.nak();
      this.drop(held);
    }
  }

  private giveBack(): void {
    for (const execution of [...this.executions]) execution.interrupt({ kind: 'given-back' });
  }

  private startNext(): void {
    while (this.active < this.concurrency && !this.isAlone) {
      if (this.keepsPlaces && this.admitted <= 0) return;
      const next = this.line.next();
      if (!next) return;
      if (this.keepsPlaces) this.admitted--;
      this.start(next);
      this.options.onRoom();
    }
  }

  private start(work: BufferedDelivery | readonly BufferedDelivery[]): void {
    const { runs } = this;
    this.active++;
    runs.begin();
    try {
      const settled = this.process(work);
      if (!isPromise(settled)) return this.finish(work, runs);
      this.follow(work, settled, runs);
    } catch (error) {
      this.faults(work, error);
      this.finish(work, runs);
    }
  }

  private follow(
    work: BufferedDelivery | readonly BufferedDelivery[],
    settled: Promise<void>,
    runs: VersionRuns,
  ): void {
    settled.then(
      () => this.finishAndGoOn(work, runs),
      (error: unknown) => {
        this.faults(work, error);
        this.finishAndGoOn(work, runs);
      },
    );
  }

  private process(work: BufferedDelivery | readonly BufferedDelivery[]): void | Promise<void> {
    if (work instanceof BufferedDelivery) {
      work.handler = this.renew(work.handler);
      return processMessage(work.handler, work.delivery, this, work.decoded);
    }
    const deliveries = work.map(({ delivery }) => delivery);
    return processBatch(this.renew(work[0]!.handler), deliveries, this);
  }

  private finishAndGoOn(work: BufferedDelivery | readonly BufferedDelivery[], runs: VersionRuns): void {
    this.finish(work, runs);
    this.startNext();
  }

  private finish(work: BufferedDelivery | readonly BufferedDelivery[], runs: VersionRuns): void {
    for (const held of work instanceof BufferedDelivery ? [work] : work) {
      if (!held.hasLeft) continue;
      this.drop(held);
      this.line.left?.(held);
    }
    this.end(runs);
    if (this.keepsPlaces) this.options.onRoom();
  }

  private end(runs: VersionRuns): void {
    this.active--;
    runs.end();
    this.noteAlone();
    if (this.stopping && this.active === 0) this.whenIdle?.();
  }

  private drop(held: BufferedDelivery): void {
    const here = this.held.get(held.handler.settlements);
    // Given back by a batch that is not done, it may be here anew.
    if (here?.get(held.delivery.sequence) !== held) return;
    here.delete(held.delivery.sequence);
    this.count--;
    if (here.size === 0 && this.held.size > 1) this.held.delete(held.handler.settlements);
  }

  private *all(): Generator<BufferedDelivery> {
    for (const here of this.held.values()) yield* here.values();
  }

  private faults(work: BufferedDelivery | readonly BufferedDelivery[], error: unknown): void {
    for (const { handler, delivery } of work instanceof BufferedDelivery ? [work] : work)
      this.fault(handler, delivery, error);
  }

  /** The stages do not throw; what still does is the broker's doing or a fault of the host's, not the event's. */
  private fault(handler: Handler, delivery: Delivery, error: unknown): void {
    if (delivery.settled) return;
    handler.log.error('an event could not be processed; it comes again', {
      handler: handler.name,
      subject: delivery.subject,
      sequence: delivery.sequence,
      err: error,
    });
    delivery.nak(FAULT_DELAY_MS);
  }
}

/** The value of the key's field, as text; none where the event has no such field, or is none. */
function keyOf({ decoded, handler }: BufferedDelivery): string | undefined {
  if (decoded?.kind !== 'decoded') return undefined;
  const field = handler.key!;
  const value = Object.hasOwn(decoded.fields, field) ? decoded.fields[field] : undefined;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function bySequence(a: BufferedDelivery, b: BufferedDelivery): number {
  return a.delivery.sequence - b.delivery.sequence;
}
