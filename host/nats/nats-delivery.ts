import { bytesOf, type Msg } from './client';
import { JetplugError } from '../../sdk/internal';
import { utf8 } from '../base/utf8';
import type { Delivery, MessageRef } from '../broker/delivery';
import type { RepeatedHeaders } from '../broker/headers';
import { commandRest, type Ack, type AckWriter } from './ack-writer';
import { HeaderBlock } from './header-block';

const ACK = commandRest('+ACK');
const NAK = commandRest('-NAK');
const WORKING = commandRest('+WPI');
const NO_HEADERS = Object.freeze({});
const NANOS_PER_MS_DIGITS = 6;

/** The durable that deliveries come from, for as long as its stream exists, and the writer of their acknowledgements. */
export class DeliverySource {
  /** Whether the stream was created again, so that acknowledgements are not sent any more. */
  lost = false;
  /** Each event up to this sequence counts as delivered once before, because the durable was reset. Default 0. */
  redeliveredUpTo = 0;
  stream = '';
  private prefix = '';

  constructor(readonly acks: AckWriter) {}

  /**
   * Returns the index of the first number in an acknowledgement's subject. The part before it is the same for all
   * deliveries. The subject is
   * $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<nanoseconds>.<pending>,
   * and newer servers put <domain>.<account> after ACK.
   */
  numbersIn(replyTo: string): number {
    if (this.prefix === '' || !replyTo.startsWith(this.prefix)) this.learn(replyTo.split('.'));
    return this.prefix.length;
  }

  private learn(tokens: readonly string[]): void {
    const at = tokens.length > 9 ? 4 : 2;
    this.stream = tokens[at]!;
    this.prefix = `${tokens.slice(0, at + 2).join('.')}.`;
  }
}

/** A delivery. Its numbers are part of the acknowledgement's subject. Rarely used fields are parsed on demand. */
export class NatsDelivery implements Delivery {
  readonly stream: string;
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly consumerSequence: number;
  settled = false;
  private readonly replyTo: string;
  /** The index of the nanoseconds in the reply subject. */
  private readonly timeAt: number;
  /** The header block, then the payload. */
  private readonly bytes: Uint8Array;
  private readonly headerBytes: number;
  /** The header block; undefined before the first access, null where the message has no headers. */
  private headerBlock: HeaderBlock | null | undefined;

  constructor(
    private readonly message: Msg,
    private readonly source: DeliverySource,
  ) {
    const replyTo = (this.replyTo = message.reply ?? '');
    ({ bytes: this.bytes, headerBytes: this.headerBytes } = bytesOf(message));
    const countAt = source.numbersIn(replyTo);
    const sequenceAt = replyTo.indexOf('.', countAt) + 1;
    const consumerSequenceAt = replyTo.indexOf('.', sequenceAt) + 1;
    this.timeAt = replyTo.indexOf('.', consumerSequenceAt) + 1;
    this.stream = source.stream;
    this.sequence = numberIn(replyTo, sequenceAt, consumerSequenceAt - 1);
    const before = this.sequence <= source.redeliveredUpTo ? 1 : 0;
    this.deliveryCount = numberIn(replyTo, countAt, sequenceAt - 1) + before;
    this.consumerSequence = numberIn(replyTo, consumerSequenceAt, this.timeAt - 1);
  }

  get storedAtMs(): number {
    return numberIn(this.replyTo, this.timeAt, this.replyTo.indexOf('.', this.timeAt) - NANOS_PER_MS_DIGITS);
  }

  get pending(): number {
    return Number(this.replyTo.slice(this.replyTo.indexOf('.', this.timeAt) + 1).split('.', 1)[0]);
  }

  get origin(): MessageRef {
    return this;
  }

  get subject(): string {
    return this.message.subject;
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes);
  }

  get size(): number {
    return this.bytes.length - this.headerBytes;
  }

  text(): string {
    return utf8(this.bytes, this.headerBytes);
  }

  header(lowerName: string): string | undefined {
    return this.block?.get(lowerName);
  }

  headers(): Readonly<Record<string, string>> {
    return this.block?.all() ?? NO_HEADERS;
  }

  repeatedHeaders(): RepeatedHeaders | undefined {
    return this.block?.repeated();
  }

  ack(): void {
    this.settle(ACK);
  }

  nak(delayMs = 0): void {
    this.settle(delayMs > 0 ? commandRest(`-NAK {"delay":${Math.round(delayMs)}000000}`) : NAK);
  }

  term(reason: string): void {
    this.settle(commandRest(`+TERM ${reason}`));
  }

  working(): void {
    // This acknowledgement is sent at once, because a late one might miss the ack wait.
    if (!this.settled) this.source.acks.sendNow(this.ackWith(WORKING));
  }

  private get block(): HeaderBlock | null {
    if (this.headerBlock === undefined) {
      const { bytes, headerBytes } = this;
      this.headerBlock = headerBytes > 0 ? new HeaderBlock(bytes, headerBytes) : null;
    }
    return this.headerBlock;
  }

  /**
   * Returns an acknowledgement that does not refer to the delivery, so that the delivery's bytes can be released before
   * it is sent.
   */
  private ackWith(rest: string): Ack {
    return { replyTo: this.replyTo, rest, source: this.source };
  }

  private settle(rest: string): void {
    if (this.settled)
      throw new JetplugError('JP_INTERNAL', `message ${this.stream}:${this.sequence} was settled twice`);
    this.settled = true;
    this.source.acks.add(this.ackWith(rest));
  }
}

/** Reads the digits between two indexes, without the substring that `Number` would need. */
function numberIn(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = number * 10 + text.charCodeAt(at) - 48;
  return number;
}
