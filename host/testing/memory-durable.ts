import { covers, durationMs, JetplugError } from '../../sdk/internal';
import type { DurableCheckpoint } from '../records/skipped-sequences';
import type { Delivery, MessageRef } from '../broker/delivery';
import { headerIn, type RepeatedHeaders } from '../broker/headers';
import { utf8 } from '../base/utf8';
import type { Time, Timer } from '../base/time';
import type { MemoryStream, StoredMessage } from './memory-stream';
import type { DurableSpec, DurablePosition } from '../broker/durable';

/** Takes deliveries while it has capacity for more. */
export interface Puller {
  readonly wants: boolean;
  deliver(delivery: Delivery): void;
}

/** A delivered message that is not settled. */
interface Unsettled {
  readonly message: StoredMessage;
  deliveryCount: number;
  /** The timer that ends the ack wait, or the delay of a nak. Then the message is redelivered. */
  timer: Timer | undefined;
  /** Whether the message is delivered and its ack wait has not ended. */
  inFlight: boolean;
}

/** The creation time of every durable in memory. It never changes, because such a durable is created once. */
const CREATED = 'once';

/** A durable consumer in memory. It redelivers messages that are nacked or not settled within the ack wait. */
export class MemoryDurable {
  private next: number;
  private lastDelivered: number;
  private consumerSequence = 0;
  private readonly unsettled = new Map<number, Unsettled>();
  private readonly redeliveries: Unsettled[] = [];
  private readonly pulls = new Set<Puller>();
  private pumping = false;

  constructor(
    private readonly stream: MemoryStream,
    private spec: DurableSpec,
    private readonly time: Time,
  ) {
    this.next = firstOf(stream, spec, time);
    this.lastDelivered = this.next - 1;
  }

  /** Delivers each message that the stream stores from now on. */
  start(): void {
    this.stream.listeners.add(() => this.deliverSoon());
  }

  update(spec: DurableSpec): void {
    this.spec = spec;
  }

  /** Delivers everything behind the ack floor again, in the order of the stream, and counts deliveries from 1. */
  reset(): void {
    const { ackFloor } = this.position;
    for (const { timer } of this.unsettled.values()) timer?.cancel();
    this.unsettled.clear();
    this.redeliveries.length = 0;
    this.consumerSequence = 0;
    this.lastDelivered = ackFloor;
    this.next = ackFloor + 1;
    this.deliverSoon();
  }

  /** The number of messages that have not been delivered yet. */
  get pending(): number {
    let pending = 0;
    for (let at = this.next; at <= this.stream.last; at++) if (this.takes(at)) pending++;
    return pending;
  }

  get position(): DurablePosition {
    const { pending } = this;
    const ackFloor = this.unsettled.size === 0 ? this.lastDelivered : Math.min(...this.unsettled.keys()) - 1;
    return { pending, inFlight: this.unsettled.size, ackFloor, delivered: this.lastDelivered, created: CREATED };
  }

  get checkpoint(): DurableCheckpoint {
    const { ackFloor, created } = this.position;
    return { created, delivered: this.lastDelivered, ackFloor, isComplete: true };
  }

  /** Whether any delivered message waits for its settlement. */
  get isInFlight(): boolean {
    for (const { inFlight } of this.unsettled.values()) if (inFlight) return true;
    return false;
  }

  join(pull: Puller): void {
    this.pulls.add(pull);
    this.deliverSoon();
  }

  leave(pull: Puller): void {
    this.pulls.delete(pull);
  }

  /** Delivers messages to the pulls that have capacity, a microtask later. */
  deliverSoon(): void {
    if (this.pumping) return;
    this.pumping = true;
    queueMicrotask(() => {
      this.pumping = false;
      for (const pull of this.pulls) while (pull.wants && this.deliverTo(pull));
    });
  }

  ack(sequence: number): void {
    const entry = this.unsettled.get(sequence);
    entry?.timer?.cancel();
    if (entry) this.dequeue(entry);
    this.unsettled.delete(sequence);
    this.deliverSoon();
  }

  nak(sequence: number, delayMs: number): void {
    const entry = this.unsettled.get(sequence);
    if (!entry) return;
    entry.timer?.cancel();
    entry.inFlight = false;
    if (delayMs > 0) entry.timer = this.time.after(delayMs, () => this.redeliver(entry));
    else this.redeliver(entry);
  }

  working(sequence: number): void {
    const entry = this.unsettled.get(sequence);
    if (entry?.inFlight) this.startAckWait(entry);
  }

  private deliverTo(pull: Puller): boolean {
    const entry = this.redeliveries.shift() ?? this.take();
    if (!entry) return false;
    entry.deliveryCount++;
    entry.inFlight = true;
    this.startAckWait(entry);
    pull.deliver(
      new MemoryDelivery(this, this.stream.name, entry.message, entry.deliveryCount, ++this.consumerSequence),
    );
    return true;
  }

  private take(): Unsettled | undefined {
    if (this.unsettled.size >= this.spec.maxAckPending) return undefined;
    for (; this.next <= this.stream.last; this.next++) {
      if (!this.takes(this.next)) continue;
      const message = this.stream.messages.get(this.next)!;
      const entry = { message, deliveryCount: 0, timer: undefined, inFlight: false };
      this.lastDelivered = this.next++;
      this.unsettled.set(message.sequence, entry);
      return entry;
    }
    return undefined;
  }

  private takes(sequence: number): boolean {
    const message = this.stream.messages.get(sequence);
    return message !== undefined && covers(this.spec.subject, message.subject);
  }

  private startAckWait(entry: Unsettled): void {
    entry.timer?.cancel();
    entry.timer = this.time.after(this.spec.ackWaitMs, () => this.redeliver(entry));
  }

  private redeliver(entry: Unsettled): void {
    entry.timer = undefined;
    entry.inFlight = false;
    if (this.stream.messages.has(entry.message.sequence)) this.redeliveries.push(entry);
    else this.unsettled.delete(entry.message.sequence);
    this.deliverSoon();
  }

  private dequeue(entry: Unsettled): void {
    const at = this.redeliveries.indexOf(entry);
    if (at >= 0) this.redeliveries.splice(at, 1);
  }
}

/** A delivery that is settled at its durable, as on a server. */
class MemoryDelivery implements Delivery {
  settled = false;

  constructor(
    private readonly durable: MemoryDurable,
    readonly stream: string,
    private readonly message: StoredMessage,
    readonly deliveryCount: number,
    readonly consumerSequence: number,
  ) {}

  get subject(): string {
    return this.message.subject;
  }
  get payload(): Uint8Array {
    return this.message.payload;
  }
  get size(): number {
    return this.message.payload.length;
  }
  text(): string {
    return utf8(this.message.payload);
  }
  get sequence(): number {
    return this.message.sequence;
  }
  get storedAtMs(): number {
    return this.message.storedAtMs;
  }
  get origin(): MessageRef {
    return this;
  }
  /**
   * The number of pending messages, counted at each call. When the delivery arrives, it is the number that a server
   * would report.
   */
  get pending(): number {
    return this.durable.pending;
  }
  header(lowerName: string): string | undefined {
    return headerIn(this.message.headers, lowerName);
  }
  headers(): Readonly<Record<string, string>> {
    return this.message.headers;
  }
  repeatedHeaders(): RepeatedHeaders | undefined {
    return this.message.repeated;
  }
  ack(): void {
    this.settle();
    this.durable.ack(this.sequence);
  }
  nak(delayMs = 0): void {
    this.settle();
    this.durable.nak(this.sequence, delayMs);
  }
  term(): void {
    this.ack();
  }
  working(): void {
    if (!this.settled) this.durable.working(this.sequence);
  }

  private settle(): void {
    if (this.settled)
      throw new JetplugError('JP_INTERNAL', `message ${this.stream}:${this.sequence} was settled twice`);
    this.settled = true;
  }
}

function firstOf(stream: MemoryStream, { from, resumeAfter }: DurableSpec, time: Time): number {
  if (resumeAfter !== undefined) return resumeAfter + 1;
  if (from === 'new') return stream.last + 1;
  if (from === 'beginning') return 1;
  if ('sequence' in from) return from.sequence;
  const sinceMs = time.epochMs() - durationMs(from.since, 'from.since');
  for (const { sequence, storedAtMs } of stream.messages.values()) if (storedAtMs >= sinceMs) return sequence;
  return stream.last + 1;
}
