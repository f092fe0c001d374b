import { covers, durationMs, JetplugError } from '../../sdk/internal';
import type { DurableCheckpoint } from '../records/settlements';
import type { Delivery, MessageRef } from '../broker/delivery';
import { headerIn, type RepeatedHeaders } from '../broker/headers';
import { utf8 } from '../base/utf8';
import type { Time, Timer } from '../base/time';
import type { MemoryStream, StoredMessage } from './memory-stream';
import type { DurableSpec, DurablePosition } from '../broker/durable';

/** Who takes deliveries, when it has room. */
export interface Puller {
  readonly wants: boolean;
  deliver(delivery: Delivery): void;
}

/** A delivered message that is not settled. */
interface Unsettled {
  readonly message: StoredMessage;
  deliveryCount: number;
  /** Until it comes again: the ack wait, or the delay that it was given back with. */
  timer: Timer | undefined;
  /** Whether somebody works on it, as far as is known here. */
  inHand: boolean;
}

/** No durable is made again here. */
const CREATED = 'once';

/** A durable consumer in memory: what was delivered comes again when it is given back, or not settled in time. */
export class MemoryDurable {
  private next: number;
  private lastDelivered: number;
  private consumerSequence = 0;
  private readonly unsettled = new Map<number, Unsettled>();
  private readonly again: Unsettled[] = [];
  private readonly pulls = new Set<Puller>();
  private pumping = false;

  constructor(
    private readonly stream: MemoryStream,
    private spec: DurableSpec,
    private readonly time: Time,
  ) {
    this.next = firstOf(stream, spec, time);
    this.lastDelivered = this.next - 1;
    stream.listeners.add(() => this.wake());
  }

  update(spec: DurableSpec): void {
    this.spec = spec;
  }

  /** How many messages were not delivered yet. */
  get pending(): number {
    let pending = 0;
    for (let at = this.next; at <= this.stream.last; at++) if (this.takes(at)) pending++;
    return pending;
  }

  get position(): DurablePosition {
    const { pending } = this;
    const ackFloor = this.unsettled.size === 0 ? this.lastDelivered : Math.min(...this.unsettled.keys()) - 1;
    return { pending, inFlight: this.unsettled.size, ackFloor, created: CREATED };
  }

  get checkpoint(): DurableCheckpoint {
    const { ackFloor, created } = this.position;
    return { created, delivered: this.lastDelivered, ackFloor, isComplete: true };
  }

  /** Whether anything is in a host's hands, rather than waiting here. */
  get isInFlight(): boolean {
    for (const { inHand } of this.unsettled.values()) if (inHand) return true;
    return false;
  }

  join(pull: Puller): void {
    this.pulls.add(pull);
    this.wake();
  }

  leave(pull: Puller): void {
    this.pulls.delete(pull);
  }

  /** Delivers what there is to whoever wants it, a turn later. */
  wake(): void {
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
    this.wake();
  }

  nak(sequence: number, delayMs: number): void {
    const entry = this.unsettled.get(sequence);
    if (!entry) return;
    entry.timer?.cancel();
    entry.inHand = false;
    if (delayMs > 0) entry.timer = this.time.after(delayMs, () => this.comeAgain(entry));
    else this.comeAgain(entry);
  }

  working(sequence: number): void {
    const entry = this.unsettled.get(sequence);
    if (entry?.inHand) this.await(entry);
  }

  private deliverTo(pull: Puller): boolean {
    const entry = this.again.shift() ?? this.take();
    if (!entry) return false;
    entry.deliveryCount++;
    entry.inHand = true;
    this.await(entry);
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
      const entry = { message, deliveryCount: 0, timer: undefined, inHand: false };
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

  private await(entry: Unsettled): void {
    entry.timer?.cancel();
    entry.timer = this.time.after(this.spec.ackWaitMs, () => this.comeAgain(entry));
  }

  private comeAgain(entry: Unsettled): void {
    entry.timer = undefined;
    entry.inHand = false;
    if (this.stream.messages.has(entry.message.sequence)) this.again.push(entry);
    else this.unsettled.delete(entry.message.sequence);
    this.wake();
  }

  private dequeue(entry: Unsettled): void {
    const at = this.again.indexOf(entry);
    if (at >= 0) this.again.splice(at, 1);
  }
}

/** The same answers as on a server, to the durable. */
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
  /** Counted when asked: on arrival that is the server's answer, and few ask. */
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
