import type { Msg } from './client';
import { JetplugError } from '../../sdk/internal';
import { utf8 } from '../base/utf8';
import type { Delivery, MessageRef } from '../broker/delivery';
import type { RepeatedHeaders } from '../broker/headers';
import { published, type Answer, type AckWriter } from './ack-writer';
import { bytesOf } from './client-internals';
import { HeaderBlock } from './header-block';

const ACK = published('+ACK');
const NAK = published('-NAK');
const WORKING = published('+WPI');
const NO_HEADERS = Object.freeze({});
const NANOS_PER_MS_DIGITS = 6;

/** Where deliveries come from and are answered: a durable of a stream, as that is now, on a connection. */
export class DeliverySource {
  /** The stream was made again: nobody is left who is to be answered. */
  lost = false;
  stream = '';
  private prefix = '';

  constructor(readonly answers: AckWriter) {}

  /**
   * Where the numbers begin in an acknowledgement's subject: what is before them is the same for all.
   * $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<nanoseconds>.<pending>,
   * newer servers with <domain>.<account> after ACK.
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

/** A delivery; the acknowledgement's subject says what it is. What is seldom asked for is read when it is. */
export class NatsDelivery implements Delivery {
  readonly stream: string;
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly consumerSequence: number;
  settled = false;
  private readonly replyTo: string;
  /** Where the nanoseconds begin in it. */
  private readonly timeAt: number;
  /** The block of its headers, then the payload. */
  private readonly bytes: Uint8Array;
  private readonly headerBytes: number;
  /** Once it was asked for; null where the message has no headers. */
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
    this.deliveryCount = numberIn(replyTo, countAt, sequenceAt - 1);
    this.sequence = numberIn(replyTo, sequenceAt, consumerSequenceAt - 1);
    this.consumerSequence = numberIn(replyTo, consumerSequenceAt, this.timeAt - 1);
  }

  get storedAtMs(): number {
    return Number(this.replyTo.slice(this.timeAt, this.replyTo.indexOf('.', this.timeAt) - NANOS_PER_MS_DIGITS));
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
    this.settle(delayMs > 0 ? published(`-NAK {"delay":${Math.round(delayMs)}000000}`) : NAK);
  }

  term(reason: string): void {
    this.settle(published(`+TERM ${reason}`));
  }

  working(): void {
    // At once: what is late might be in vain.
    if (!this.settled) this.source.answers.sendNow(this.answered(WORKING));
  }

  private get block(): HeaderBlock | null {
    if (this.headerBlock === undefined) {
      const { bytes, headerBytes } = this;
      this.headerBlock = headerBytes > 0 ? new HeaderBlock(bytes, headerBytes) : null;
    }
    return this.headerBlock;
  }

  /** Without the delivery, which need not be kept until the answer is sent. */
  private answered(answer: string): Answer {
    return { replyTo: this.replyTo, answer, source: this.source };
  }

  private settle(answer: string): void {
    if (this.settled)
      throw new JetplugError('JP_INTERNAL', `message ${this.stream}:${this.sequence} was settled twice`);
    this.settled = true;
    this.source.answers.add(this.answered(answer));
  }
}

/** The digits between two places; without the text that `Number` would need of them. */
function numberIn(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = number * 10 + text.charCodeAt(at) - 48;
  return number;
}
