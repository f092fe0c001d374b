import type { JsMsg, MsgHdrs, StoredMsg } from './client';
import type { MessageRef } from '../broker/delivery';
import { headerBytes, type RepeatedHeaders } from '../broker/headers';
import type { DeadLetter, DeadLetters } from '../broker/ports';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError, isMessageNotFound } from './failures';
import { readHeaders, toHeaders } from './headers';
import { findMessage, findStream, subjectsIn } from './streams';
import { isLetterOf } from '../broker/letter-headers';

const TIMEOUT_MS = 5_000;
const HEADER_MARGIN_BYTES = 1_024;
const LIST_BATCH = 500;
const LIST_WAIT_MS = 1_000;

/** A dead letter as it is stored in its stream. */
export interface StoredLetter {
  /** Its sequence in the stream of dead letters. */
  readonly id: number;
  readonly headers: Readonly<Record<string, string>>;
  /** All values of the headers that have several values. `headers` has the last value of each. */
  readonly repeated?: RepeatedHeaders | undefined;
  readonly payload: Uint8Array;
}

/** The stream of dead letters. Each letter has the subject `dead.<plugin>.<handler>.<stream>.<sequence>`. */
export class DeadLetterStream implements DeadLetters {
  constructor(
    private readonly connection: Connection,
    private readonly stream: string,
  ) {}

  async store(letter: DeadLetter): Promise<void> {
    // A handler of dead letters has failed. A letter about the letter would fail in the same way, without end.
    if (letter.stream === this.stream) return;
    const subject = `dead.${letter.plugin}.${letter.handler}.${letter.stream}.${letter.sequence}`;
    if (await this.storeOn(subject, letter)) return;
    // The stored letter is another event's: the event's stream was created again and counts from 1.
    await this.storeOn(`${subject}.${letter.storedAtMs}`, letter);
  }

  /**
   * Reads the letters, oldest first.
   * @param withPayload whether to read the payloads too; without them they are empty
   */
  async *list(withPayload = false): AsyncGenerator<StoredLetter> {
    const info = await findStream(this.connection, this.stream);
    if (!info || info.state.messages === 0) return;
    // An ordered consumer starts with the first letter by default. The server refuses a second option for that.
    const consumer = await this.connection.js.consumers.get(this.stream, { headers_only: !withPayload });
    for (let more = true; more;) {
      // `more` stays false if the pending letters have expired or were removed in the meantime.
      more = false;
      for await (const message of await consumer.fetch({ max_messages: LIST_BATCH, expires: LIST_WAIT_MS })) {
        yield toLetter(message, message.headers);
        more = message.info.pending > 0;
        if (!more) break;
      }
    }
  }

  /** Reads the letter of that id; undefined if there is none. */
  async get(id: number): Promise<StoredLetter | undefined> {
    const message = await findMessage(this.connection, this.stream, { seq: id }, `dead letter ${id}`);
    return message && toLetter(message, message.header);
  }

  /** Reads the letters of an event, of all handlers. */
  async ofEvent(stream: string, sequence: number): Promise<StoredLetter[]> {
    if (!(await findStream(this.connection, this.stream))) return [];
    const event = `dead.*.*.${stream}.${sequence}`;
    // The second form is that of an event whose stream was created again.
    const lists = await Promise.all(
      [event, `${event}.*`].map((filter) => subjectsIn(this.connection, this.stream, filter)),
    );
    const letters = await Promise.all(lists.flat().map((subject) => this.last(subject)));
    return letters.filter((letter) => letter !== undefined);
  }

  /** Removes the letter. */
  async remove(id: number, of?: MessageRef): Promise<void> {
    const headers = (await this.get(id))?.headers;
    // The stream of the letters was created again, so the id belongs to another letter now.
    if (of && headers && !isLetterOf(headers, of)) return;
    await this.delete(id);
  }

  private async delete(id: number): Promise<void> {
    try {
      await this.connection.jsm.streams.deleteMessage(this.stream, id, false);
    } catch (error) {
      // The server reports a missing message by several codes, and uses these for other failures too.
      if (isMessageNotFound(error) || !(await this.get(id))) return;
      throw asBrokerError(error, `removing dead letter ${id}`);
    }
  }

  /** Stores the letter on the subject. Returns whether the letter is stored now, by this call or an earlier one. */
  private async storeOn(subject: string, letter: DeadLetter): Promise<boolean> {
    if (await this.publish(subject, letter, letter.replaces ?? 0)) return true;
    const present = await this.last(subject);
    if (!present) return this.publish(subject, letter, 0);
    return present.headers['x-original-time'] === letter.headers['x-original-time'];
  }

  /** Stores the letter if the last message of the subject has the expected sequence; returns false otherwise. */
  private async publish(subject: string, letter: DeadLetter, expected: number): Promise<boolean> {
    const { payload, ...headers } = this.fitting(letter);
    try {
      await this.connection.js.publish(subject, payload, {
        headers: toHeaders(headers),
        expect: { lastSubjectSequence: expected },
        timeout: TIMEOUT_MS,
      });
      return true;
    } catch (error) {
      if (apiErrorCode(error) === API_ERROR.wrongLastSequence) return false;
      throw asBrokerError(error, `stream ${this.stream}`);
    }
  }

  private async last(subject: string): Promise<StoredLetter | undefined> {
    const query = { last_by_subj: subject };
    const message = await findMessage(this.connection, this.stream, query, `stream ${this.stream}`);
    return message && toLetter(message, message.header);
  }

  /**
   * Returns the parts of a letter that fit into a message. A payload that exceeds the server's limit together with the
   * headers is left out, and the letter then only names its event.
   */
  private fitting({ headers, repeated, payload }: DeadLetter): Pick<DeadLetter, 'headers' | 'repeated' | 'payload'> {
    const limit = this.connection.nc.info?.max_payload ?? 1_048_576;
    const size = headerBytes({ headers, repeated });
    if (payload.length + size + HEADER_MARGIN_BYTES <= limit) return { headers, repeated, payload };
    const left = { ...headers, 'x-payload-left-in-stream': String(payload.length) };
    return { headers: left, repeated, payload: new Uint8Array(0) };
  }
}

function toLetter({ seq, data }: StoredMsg | JsMsg, headers: MsgHdrs | undefined): StoredLetter {
  return { id: seq, ...readHeaders(headers), payload: data };
}
