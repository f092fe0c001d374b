import type { Msg } from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { Delivery, MessageRef } from '../message/delivery';
import type { Answer, Answers } from './answers';

const ACK = Buffer.from('+ACK');
const NAK = Buffer.from('-NAK');
const TERM = Buffer.from('+TERM');
const WORKING = Buffer.from('+WPI');
const NO_HEADERS = Object.freeze({});
const NANOS_PER_MS_DIGITS = 6;

/** Where deliveries come from and are answered: a durable of a stream, as that is now, on a connection. */
export class DeliverySource {
  /** The stream was made again: nobody is left who is to be answered. */
  lost = false;
  stream = '';
  private prefix = '';

  /** @param termTakesReason whether the server understands `+TERM reason`; before 2.10.4 it would ignore the whole answer */
  constructor(
    readonly answers: Answers,
    readonly termTakesReason: boolean,
  ) {}

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
export class NatsDelivery implements Delivery, Answer {
  readonly stream: string;
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly consumerSequence: number;
  settled = false;
  readonly replyTo: string;
  /** What it was settled with; until then that it is worked on. */
  answer: Uint8Array = WORKING;
  /** Where the nanoseconds begin in it. */
  private readonly timeAt: number;
  private bytes: Uint8Array | undefined;
  private headerValues: Readonly<Record<string, string>> | undefined;

  constructor(
    private readonly message: Msg,
    readonly source: DeliverySource,
  ) {
    const replyTo = (this.replyTo = message.reply ?? '');
    const countAt = source.numbersIn(replyTo);
    const sequenceAt = replyTo.indexOf('.', countAt) + 1;
    const consumerSequenceAt = replyTo.indexOf('.', sequenceAt) + 1;
    this.timeAt = replyTo.indexOf('.', consumerSequenceAt) + 1;
    this.stream = source.stream;
    this.deliveryCount = Number(replyTo.slice(countAt, sequenceAt - 1));
    this.sequence = Number(replyTo.slice(sequenceAt, consumerSequenceAt - 1));
    this.consumerSequence = Number(replyTo.slice(consumerSequenceAt, this.timeAt - 1));
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
    return (this.bytes ??= this.message.data);
  }

  headers(): Readonly<Record<string, string>> {
    return (this.headerValues ??= readHeaders(this.message));
  }

  ack(): void {
    this.settle(ACK);
  }

  nak(delayMs = 0): void {
    this.settle(delayMs > 0 ? Buffer.from(`-NAK {"delay":${Math.round(delayMs)}000000}`) : NAK);
  }

  term(reason: string): void {
    this.settle(this.source.termTakesReason ? Buffer.from(`+TERM ${reason}`) : TERM);
  }

  working(): void {
    // At once: what is late might be in vain.
    if (!this.settled) this.source.answers.send(this);
  }

  private settle(answer: Uint8Array): void {
    if (this.settled)
      throw new JetplugError('JP_INTERNAL', `message ${this.stream}:${this.sequence} was settled twice`);
    this.settled = true;
    this.answer = answer;
    this.source.answers.add(this);
  }
}

/** The version, a line for each header, an empty line. */
const HEADER_BLOCK = /^NATS\/1\.0[^\r\n]*\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n$/;
const END_OF_LINE = '\r\n';
const TEXT = new TextDecoder();

/** Its instances inherit nothing, as `__proto__` is a name like others; those of `Object.create(null)` are slow to fill. */
class HeaderValues {
  [name: string]: string;
}
Object.setPrototypeOf(HeaderValues.prototype, null);
Reflect.deleteProperty(HeaderValues.prototype, 'constructor');

/**
 * By hand: the client passes over lines that are no headers, and takes three times as long. It does not
 * show the block, hence its own fields.
 */
function readHeaders(message: Msg): Readonly<Record<string, string>> {
  const { _msg: sizes, _rdata: bytes } = message as Msg & { _msg: { hdr: number }; _rdata: Uint8Array };
  if (sizes.hdr <= 0) return NO_HEADERS;
  const text = TEXT.decode(bytes.subarray(0, sizes.hdr));
  if (!HEADER_BLOCK.test(text)) throw new Error(`the header block is ${JSON.stringify(text.slice(0, 100))}`);
  const values = new HeaderValues();
  let at = text.indexOf(END_OF_LINE) + END_OF_LINE.length;
  for (let end = text.indexOf(END_OF_LINE, at); end > at; end = text.indexOf(END_OF_LINE, at)) {
    const colon = text.indexOf(':', at);
    values[text.slice(at, colon)] = text.slice(colon + 1, end).trim();
    at = end + END_OF_LINE.length;
  }
  return values;
}
