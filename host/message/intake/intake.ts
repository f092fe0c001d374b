import type { Limiter } from '../../base/limiter';
import { machineTime, type Time } from '../../base/time';
import type { Delivery, MessageRef } from '../../broker/delivery';
import type { Handler } from '../handler';
import { Admission, type AdmissionOptions } from './admission';
import { BufferedDelivery, bySequence, type DeliveryState } from './buffered-delivery';
import { DeliveryBuffer } from './delivery-buffer';
import { DispatchOrder } from './dispatch-order';
import { ConcurrencyLimit } from './concurrency-limit';
import { Executions } from './executions';
import type { HostConcurrency } from './host-concurrency';
import type { HostMemory, MemoryUser } from './host-memory';
import type { PrefetchBounds } from './prefetch';
import { Pace } from './pace';
import type { RatePolicy } from './rate-limit';
import { shutDown } from './shutdown';
import { StartLoop } from './start-loop';
import { deliveriesOf, WorkRunner } from './work-runner';

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
  private readonly memoryUser: MemoryUser;
  private readonly runner: WorkRunner;
  private readonly loop: StartLoop;
  /** The pace of a handler with a rate. It begins nothing before it is granted. */
  readonly pace: Pace | undefined;
  private stopping = false;
  private isDraining = false;
  private drained: (() => void) | undefined;

  constructor(
    private readonly limits: IntakeLimits,
    private readonly options: IntakeOptions,
  ) {
    this.time = options.time ?? machineTime;
    this.admission = new Admission(options, limits.batch?.size);
    this.order = new DispatchOrder(limits, () => this.loop.start(), this.time);
    this.buffer = new DeliveryBuffer(options.memory);
    this.memoryUser = { full: () => options.onFull(), freed: () => options.onCapacity() };
    options.memory?.join(this.memoryUser);
    this.permits = new ConcurrencyLimit(limits.concurrency, options.suspects, () => this.loop.start(), options.calls);
    const { rate, batch } = limits;
    this.pace = rate && new Pace(rate, batch?.size ?? 1, this.time, () => this.paced());
    this.executions = new Executions(this.permits, this.pace);
    this.runner = new WorkRunner(this.permits, this.executions, this.buffer, {
      left: (buffered) => this.order.left(buffered),
      ended: (work) => {
        if (this.pace) for (const delivery of deliveriesOf(work)) this.pace.ended(delivery);
        if (this.isKeyed) options.onCapacity();
        if (this.buffer.size === 0) this.drained?.();
      },
      freed: () => this.loop.start(),
    });
    this.loop = new StartLoop({
      ...{ order: this.order, permits: this.permits, pace: this.pace },
      admission: this.isKeyed ? this.admission : undefined,
      run: (work) => {
        this.runner.run(work);
        options.onCapacity();
      },
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
    if (this.pace?.isGranted === false) return 0;
    const capacity = this.admission.capacity(this.order.ready, this.buffer.size);
    return this.options.memory?.isFull ? Math.min(capacity, this.isEmpty ? 1 : 0) : capacity;
  }

  /** Whether the host holds its maximum of deliveries, including those that wait for an earlier event of their key. */
  get isFull(): boolean {
    return this.admission.isFull(this.buffer.size);
  }

  /** Takes a delivery. `handler` is the handler with the settlements of the delivery's stream. */
  offer(delivery: Delivery, handler: Handler): void {
    const { admission, isKeyed } = this;
    if (this.stopping || (!admission.isOpen && !isKeyed)) return delivery.nak();
    if (this.isDraining || this.pace?.isGranted === false) return delivery.nak(DRAINING_DELAY_MS);
    if (!isKeyed) admission.take();
    admission.arrived(delivery.size);
    if (this.isFreeFor(delivery, handler)) return this.runner.runUnbuffered(delivery, handler);
    const buffered = this.take(delivery, handler);
    if (!buffered) return;
    this.order.arrived(buffered);
    this.loop.start();
  }

  /** Returns the state of an event's delivery in this host; undefined if this host does not have the event. */
  stateOf({ stream, sequence }: Pick<MessageRef, 'stream' | 'sequence'>): DeliveryState | undefined {
    for (const { delivery, hasLeft, state } of this.buffer) {
      const { origin } = delivery;
      if (!hasLeft && origin.sequence === sequence && origin.stream === stream) return state;
    }
    return undefined;
  }

  /** Whether this host holds no delivery of the handler. */
  get isEmpty(): boolean {
    return this.buffer.size === 0;
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
    this.loop.start();
    this.options.onCapacity();
    return ended;
  }

  /** Makes arrivals wait until {@link queueCollected} is called, because older deliveries may still arrive. */
  collectArrivals(): void {
    this.order.collect();
  }

  /** Queues the collected arrivals in the order of the stream. */
  queueCollected(): void {
    this.order.sortCollected();
    this.loop.start();
  }

  /**
   * Sets how many more deliveries may begin: none, one for a probe, or Infinity. With 0, deliveries that have not begun
   * are nacked, except events with a key, which would lose their order.
   */
  admit(count: number): void {
    this.admission.allow(count);
    if (count === 0 && !this.isKeyed) this.releaseQueued();
    this.loop.start();
  }

  /** Extends the ack wait, interrupts runs that take too long and adapts the prefetch. Called a few times a second. */
  sweep(nowMs: number): void {
    this.buffer.extendAckWait(nowMs, this.options.ackWaitMs);
    this.admission.adapt(this.executions.interruptOverdue(nowMs));
  }

  /**
   * Drops all deliveries, because another host gets their events. Call it when their acks have no effect any more. The
   * runs are interrupted, so that no effect of theirs is committed.
   */
  drop(): void {
    this.releaseQueued();
    for (const buffered of this.buffer) buffered.drop();
    this.executions.interruptAll();
  }

  /**
   * Releases the deliveries that have not begun, and lets the runs end, so that another host can take over the handler.
   * Deliveries that arrive meanwhile are nacked. Resolves with whether all runs have ended within the time; then nothing
   * is taken until {@link reopen} is called.
   */
  async drain(patienceMs: number): Promise<boolean> {
    this.isDraining = true;
    this.releaseQueued();
    const timer = this.time.after(patienceMs, () => this.drained?.());
    if (this.buffer.size > 0) await new Promise<void>((resolve) => (this.drained = resolve));
    this.drained = undefined;
    timer.cancel();
    return this.buffer.size === 0;
  }

  /** Stands by, because another host runs the handler, which has a rate. The runs continue. */
  revokePace(): void {
    this.pace?.revoke();
    this.releaseQueued();
    this.options.onFull();
  }

  /** Takes deliveries again, after {@link drain}. */
  reopen(): void {
    this.isDraining = false;
  }

  /** Releases the deliveries that have not begun; runs may take `graceMs`. Resolves when all are settled. */
  stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.options.memory?.leave(this.memoryUser);
    this.pace?.stop();
    const { permits, executions, time } = this;
    return shutDown({ permits, executions, time, releaseQueued: () => this.releaseQueued() }, graceMs);
  }

  /**
   * Whether the handler's events have a key. Such events are not nacked, because later events of the key would overtake
   * them.
   */
  private get isKeyed(): boolean {
    return this.limits.key !== undefined;
  }

  /** Whether a delivery may run at once, because there is no other one that it must wait for. */
  private isFreeFor({ sequence }: Delivery, { settlements }: Handler): boolean {
    const { limits, buffer, order, permits } = this;
    if (this.isKeyed || limits.batch || this.pace || !order.isClear || !permits.isFree) return false;
    return buffer.size === 0 || buffer.get(settlements, sequence) === undefined;
  }

  /**
   * Buffers a delivery. Ignores a message that is in this host already, which the server redelivers if the host sent
   * nothing during the ack wait.
   */
  private take(delivery: Delivery, handler: Handler): BufferedDelivery | undefined {
    const present = this.buffer.get(handler.settlements, delivery.sequence);
    if (present && !present.hasLeft) return undefined;
    if (present) this.buffer.remove(present);
    const buffered = new BufferedDelivery(delivery, handler);
    this.buffer.add(buffered);
    if (!this.isKeyed) return buffered;
    const due = (): void => {
      this.order.again(buffered);
      this.loop.start();
    };
    buffered.enableLocalRetry({
      time: this.time,
      mayWait: () => !this.stopping && !this.isDraining && !buffered.isDropped,
      due,
    });
    return buffered;
  }

  private paced(): void {
    this.loop.start();
    this.options.onCapacity();
  }

  private releaseQueued(): void {
    const retrying = [...this.buffer].filter(({ isRetrying }) => isRetrying);
    // In stream order, as the server redelivers them in the order of the nacks.
    for (const buffered of [...this.order.clear(), ...retrying].sort(bySequence)) {
      buffered.release();
      this.buffer.remove(buffered);
    }
  }
}
