import { bytesOf, type Msg } from './client';
import type { Connection } from './connection';
import { MORE } from './requests';

/** A message of a stream. */
export interface BatchMessage {
  readonly sequence: number;
  readonly message: Msg;
}

/** The answers to a request for a batch. */
export interface Batch {
  readonly messages: readonly BatchMessage[];
  /** The sequence up to which the replica had the stream; absent if the server does not say it. */
  readonly upTo?: number;
  /** The number of messages that the server has left out because the batch was too large. */
  readonly left: number;
  /** Why the server has ended the batch before its end; absent if it has not. */
  readonly ended?: string;
}

/** Reads a batch of a stream's messages from any replica, as the request of the direct API describes it. */
export async function readBatch(
  { requests, apiPrefix }: Connection,
  stream: string,
  request: object,
): Promise<readonly BatchMessage[]> {
  const answers = new BatchAnswers();
  const subject = `${apiPrefix}.DIRECT.GET.${stream}`;
  const take = (answer: Msg): Batch | typeof MORE => answers.take(answer);
  return (await requests.ask(subject, JSON.stringify(request), take, { endsWithConnection: true })).messages;
}

const NOT_FOUND = 404;
const END_OF_BATCH = 204;

/** Collects the answers to a request for a batch of a stream's messages, and checks that all have arrived. */
export class BatchAnswers {
  private readonly messages: BatchMessage[] = [];
  private last = 0;

  /** @throws Error if the server refuses the request, or an earlier answer did not arrive */
  take(answer: Msg): Batch | typeof MORE {
    const { messages } = this;
    const sequence = lastNumber(answer, SEQUENCE);
    if (sequence === 0) {
      const { headers } = answer;
      if (headers?.code === NOT_FOUND) return { messages, left: 0, ended: headers.description };
      if (headers?.code !== END_OF_BATCH) throw new Error(headers?.status ?? 'not a batch');
    }
    if (lastNumber(answer, LAST_SEQUENCE) !== this.last)
      throw new Error(`the message that follows ${this.last} did not arrive`);
    if (sequence === 0) return this.end(answer);
    this.last = sequence;
    messages.push({ sequence, message: answer });
    return MORE;
  }

  private end({ headers }: Msg): Batch {
    const upTo = headers?.last('Nats-UpTo-Sequence');
    const left = Number(headers?.last('Nats-Num-Pending') || 0);
    return { messages: this.messages, left, ...(upTo && { upTo: Number(upTo) }) };
  }
}

const SEQUENCE = Buffer.from('\r\nNats-Sequence: ');
const LAST_SEQUENCE = Buffer.from('\r\nNats-Last-Sequence: ');
const [ZERO, NINE] = [48, 57];

/**
 * Returns the number that a header has; 0 without the header. A program may have put a message with such a header into
 * the stream, but the server's own headers come last. The header is searched for in the bytes, because the client
 * decodes all headers of a message, which takes more time than all the rest of reading it.
 */
function lastNumber(answer: Msg, header: Buffer): number {
  const { bytes, headerBytes } = bytesOf(answer);
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, headerBytes);
  const found = block.lastIndexOf(header);
  if (found < 0) return 0;
  let value = 0;
  for (let at = found + header.length; block[at]! >= ZERO && block[at]! <= NINE; at++) {
    value = value * 10 + block[at]! - ZERO;
  }
  return value;
}
