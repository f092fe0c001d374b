import type { Limiter } from '../../base/limiter';
import { machineTime, type Time } from '../../base/time';
import type { Delivery, MessageRef } from '../../broker/delivery';
import type { Handler, RatePolicy } from '../handler';
import { Admission, type AdmissionOptions } from './admission';
import { type BufferedDelivery, type DeliveryState } from './buffered-delivery';
import { DeliveryBuffer } from './delivery-buffer';
import { Drain } from './drain';
import { DispatchOrder } from './dispatch-order';
import { ConcurrencyLimit } from './concurrency-limit';
import { Executions } from './executions';
import type { HostConcurrency } from './host-concurrency';
import type { HostMemory } from './host-memory';
import type { PrefetchBounds } from './prefetch';
import { Pace } from './pace';
import { shutDown } from './shutdown';
import { startLoop } from './start-loop';
import { deliveriesOf, WorkRunner, type Work } from './work-runner';

export interface IntakeOptions extends AdmissionOptions {
  /** Lets one suspect run at a time; shared by all handlers of the host. */
  readonly suspects: Limiter;
  /** The permits of the host for calls. Default: as many as all handlers have. */
  readonly calls?: HostConcurrency | undefined;
  /** The memory of the host for payloads. Default: unbounded. */
  readonly memory?: HostMemory | undefined;
  /** Default: the machine's time. */
  readonly time?: Time;
  /** Called when the host may take more deliveries for the handler. */
  onCapacity(): void;
  /** Called when the host takes back its requests for deliveries, and requests what it may still take. */
  onFull(): void;
}

/** The limits that a new version of a handler may change without a new queue. */
export interface IntakeSizes {
  readonly concurrency: number;
  readonly prefetch: PrefetchBounds;
  readonly rate?: RatePolicy | undefined;
}

export interface IntakeLimits extends Pick<Handler, 'concurrency' | 'key' | 'batch'> {
  /** How many events may begin in a length of time, over all hosts. Default: no limit. */
  readonly rate?: RatePolicy | undefined;
}

/** The delay of the redelivery of an event that arrives while another host takes over its handler. */
const DRAINING_DELAY_MS = 500;

/** One handler's deliveries in this host, from their arrival to their settlement. */
export class Intake {
  private readonly time: Time;
  private readonly admission: Admission;
  private readonly order: DispatchOrder;
  private readonly permits: ConcurrencyLimit;
  private readonly executions: Executions;
  private readonly buffer: DeliveryBuffer;
  private readonly leaveMemory: (() => void) | undefined;
  private readonly runner: WorkRunner;
  private readonly draining: Drain;
  private readonly startNext: () => void;
  /** The pace of a handler with a rate. It begins nothing before it is granted. */
  readonly pace: Pace | undefined;
  /** Whether the events have a key. They are not nacked, because later events of the key would overtake them. */
  private readonly isKeyed: boolean;
  private stopping = false;

  constructor(
    private readonly limits: IntakeLimits,
    private readonly options: IntakeOptions,
  ) {
    this.time = options.time ?? machineTime;
    this.isKeyed = limits.key !== undefined;
    this.admission = new Admission(options, limits.batch?.size);
    this.order = new DispatchOrder(limits, () => this.startNext(), this.time);
    this.buffer = new DeliveryBuffer(options.memory);
    this.leaveMemory = options.memory?.join({ full: () => options.onFull(), freed: () => options.onCapacity() });
    this.draining = new Drain(this.buffer, this.time);
    this.permits = new ConcurrencyLimit(limits.concurrency, options.suspects, () => this.startNext(), options.calls);
    this.pace = limits.rate && new Pace(limits.rate, limits.batch?.size ?? 1, this.time, () => this.startMore());
    this.executions = new Executions(this.permits, this.pace);
    const events = {
      left: (buffered: BufferedDelivery) => this.order.left(buffered),
      ended: (work: Work) => {
        if (this.pace) for (const delivery of deliveriesOf(work)) this.pace.ended(delivery);
        if (this.isKeyed || options.memory?.isFull) options.onCapacity();
        this.draining.left();
      },
      freed: () => this.startNext(),
    };
    this.runner = new WorkRunner(this.permits, this.executions, this.buffer, events, this.time);
    this.startNext = startLoop({
      ...{ order: this.order, permits: this.permits, pace: this.pace, runner: this.runner },
      ...{ admission: this.isKeyed ? this.admission : undefined, onCapacity: () => options.onCapacity() },
    });
  }

  /** How many events, or batches of them, are being handled. */
  get running(): number {
    return this.permits.running;
  }

  /** The number of deliveries that are ready and wait for a permit. */
  get queued(): number {
    return this.order.ready;
  }

  /** The number of further deliveries that the host may take for the handler. */
  get capacity(): number {
    if (!this.mayBegin) return 0;
    const capacity = this.admission.capacity(this.order.ready, this.buffer.size);
    return this.options.memory?.isFull ? Math.min(capacity, this.buffer.size === 0 ? 1 : 0) : capacity;
  }

  /** Whether the host holds its maximum of deliveries, including those that wait for an earlier event of their key. */
  get isFull(): boolean {
    return this.admission.isFull(this.buffer.size);
  }

  /** Takes a delivery. `handler` is the handler with the settlements of the delivery's stream. */
  offer(delivery: Delivery, handler: Handler): void {
    const { admission, isKeyed } = this;
    if (this.stopping || (!admission.isOpen && !isKeyed)) return delivery.nak();
    // An event with a key waits in the buffer for the lease, because later ones would overtake a nacked one.
    if (this.draining.isActive || (!isKeyed && !this.mayBegin)) return delivery.nak(DRAINING_DELAY_MS);
    if (!isKeyed) admission.take();
    admission.arrived(delivery.size);
    if (this.isFreeFor(delivery, handler)) return this.runner.runUnbuffered(delivery, handler);
    const buffered = this.buffer.take(delivery, handler);
    if (!buffered) return;
    if (isKeyed) this.retryLocally(buffered);
    this.order.arrived(buffered);
    this.startNext();
  }

  /** Returns the state of an event's delivery in this host; undefined if this host does not have the event. */
  stateOf(event: Pick<MessageRef, 'stream' | 'sequence'>): DeliveryState | undefined {
    return this.buffer.stateOf(event);
  }

  /** Returns the number of deliveries of the handler's stream in this host. */
  bufferedOf({ settlements }: Handler): number {
    return this.buffer.sizeOf(settlements);
  }

  /**
   * Makes deliveries that begin after this call run on the version of the handler that `renew` returns. Resolves when
   * the runs of the previous version have ended.
   */
  swap({ concurrency, prefetch, rate }: IntakeSizes, renew: (handler: Handler) => Handler): Promise<void> {
    const ended = this.runner.swap(concurrency, renew);
    if (rate) this.pace?.renew(rate);
    this.admission.rebound(prefetch);
    this.startMore();
    return ended;
  }

  /** Makes arrivals wait until {@link queueCollected} is called, because older deliveries may still arrive. */
  collectArrivals(): void {
    this.order.collect();
  }

  /** Queues the collected arrivals in the order of the stream. */
  queueCollected(): void {
    this.order.sortCollected();
    this.startNext();
  }

  /**
   * Sets how many more deliveries may begin: none, one for a probe, or Infinity. With 0, deliveries that have not begun
   * are nacked, except events with a key, which would lose their order.
   */
  admit(count: number): void {
    this.admission.allow(count);
    if (count === 0 && !this.isKeyed) this.releaseQueued();
    this.startNext();
  }

  /** Extends the ack wait, interrupts runs that take too long and adapts the prefetch. Called a few times a second. */
  sweep(nowMs: number): void {
    this.buffer.extendAckWait(nowMs, this.options.ackWaitMs);
    this.admission.adapt(this.executions.interruptOverdue(nowMs));
  }

  /** Drops all deliveries and interrupts their runs, because another host gets their events now. */
  drop(): void {
    this.releaseQueued();
    for (const buffered of this.buffer) this.order.left(buffered);
    this.buffer.drop();
    this.executions.interruptAll();
  }

  /**
   * Releases the deliveries that have not begun, and lets the runs end, so that another host can take over the handler.
   * Nothing is taken until {@link reopen} is called. Resolves with whether all runs have ended within the time.
   */
  drain(patienceMs: number): Promise<boolean> {
    this.draining.isActive = true;
    this.releaseQueued();
    return this.draining.wait(patienceMs);
  }

  /** Releases the deliveries that have not begun. */
  releaseQueued(): void {
    for (const retrying of this.buffer.release(this.order.clear())) this.order.left(retrying);
  }

  /** Takes deliveries again, after {@link drain}. */
  reopen(): void {
    this.draining.isActive = false;
  }

  /** Releases the deliveries that have not begun; runs may take `graceMs`. Resolves when all are settled. */
  stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.leaveMemory?.();
    this.pace?.stop();
    const { permits, executions, time } = this;
    return shutDown({ permits, executions, time, releaseQueued: () => this.releaseQueued() }, graceMs);
  }

  private get mayBegin(): boolean {
    return this.pace?.isGranted !== false;
  }

  /** Whether a delivery may run at once, because there is no other one that it must wait for. */
  private isFreeFor({ sequence }: Delivery, { settlements }: Handler): boolean {
    const { limits, buffer, order, permits } = this;
    if (this.isKeyed || limits.batch || this.pace || !order.isClear || !permits.isFree) return false;
    return buffer.size === 0 || buffer.get(settlements, sequence) === undefined;
  }

  private retryLocally(buffered: BufferedDelivery): void {
    buffered.enableLocalRetry({
      time: this.time,
      mayWait: () => !this.stopping && !this.draining.isActive && !buffered.isDropped,
      isDropped: () => buffered.isDropped,
      due: () => {
        this.order.again(buffered);
        this.startNext();
      },
    });
  }

  private startMore(): void {
    this.startNext();
    this.options.onCapacity();
  }
}
