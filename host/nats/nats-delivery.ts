import type { Msg, NatsConnection } from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { Delivery, MessageRef } from '../message/delivery';

const ACK = Buffer.from('+ACK');
const NAK = Buffer.from('-NAK');
const TERM = Buffer.from('+TERM');
const WORKING = Buffer.from('+WPI');
const NO_HEADERS = Object.freeze({});
const NANOS_PER_MS_DIGITS = 6;

/** A delivery on the connection it came by; the acknowledgement's subject says what it is. */
export class NatsDelivery implements Delivery {
  readonly stream: string;
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly storedAtMs: number;
  readonly consumerSequence: number;
  readonly pending: number;
  settled = false;
  private readonly replyTo: string;
  private headerValues: Readonly<Record<string, string>> | undefined;

  /**
   * @param source says when the stream that it came of is lost, so that nobody is left to be answered
   * @param termTakesReason whether the server understands `+TERM reason`; before 2.10.4 it would ignore the whole answer
   */
  constructor(
    private readonly nc: NatsConnection,
    private readonly message: Msg,
    private readonly termTakesReason: boolean,
    private readonly source: { readonly lost: boolean },
  ) {
    this.replyTo = message.reply ?? '';
    // $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<nanoseconds>.<pending>,
    // newer servers with <domain>.<account> after ACK.
    const tokens = this.replyTo.split('.');
    const at = tokens.length > 9 ? 4 : 2;
    this.stream = tokens[at]!;
    this.deliveryCount = Number(tokens[at + 2]);
    this.sequence = Number(tokens[at + 3]);
    this.consumerSequence = Number(tokens[at + 4]);
    this.pending = Number(tokens[at + 6]);
    this.storedAtMs = Number(tokens[at + 5]!.slice(0, -NANOS_PER_MS_DIGITS));
  }

  get origin(): MessageRef {
    return this;
  }

  get subject(): string {
    return this.message.subject;
  }

  get payload(): Uint8Array {
    return this.message.data;
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
    this.settle(this.termTakesReason ? Buffer.from(`+TERM ${reason}`) : TERM);
  }

  working(): void {
    if (!this.settled) this.answer(WORKING);
  }

  private settle(answer: Uint8Array): void {
    if (this.settled)
      throw new JetplugError('JP_INTERNAL', `message ${this.stream}:${this.sequence} was settled twice`);
    this.settled = true;
    this.answer(answer);
  }

  private answer(answer: Uint8Array): void {
    // On a closed connection there is nobody to tell: the server delivers it again after its ack wait.
    // One that was made again would take the answer for its own message of that sequence.
    if (!this.nc.isClosed() && !this.source.lost) this.nc.publish(this.replyTo, answer);
  }
}

function readHeaders(message: Msg): Readonly<Record<string, string>> {
  const block = message.headers;
  if (!block) return NO_HEADERS;
  assertWellFormed(message);
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of block.keys()) values[name] = block.values(name).at(-1) ?? '';
  return values;
}

/** The version, a line for each header, an empty line. */
const HEADER_BLOCK = /^NATS\/1\.0[^\r\n]*\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n$/;

/** The client passes over lines that are no headers, and does not show the block: hence its own fields. */
function assertWellFormed(message: Msg): void {
  const { _msg: sizes, _rdata: bytes } = message as Msg & { _msg?: { hdr: number }; _rdata?: Uint8Array };
  if (!sizes || !bytes || sizes.hdr === 0) return;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, sizes.hdr).toString('latin1');
  if (!HEADER_BLOCK.test(text)) throw new Error(`the header block is ${JSON.stringify(text.slice(0, 100))}`);
}
