import { wrappedIn, type StoredMsg } from './client';
import type { MessageRef } from '../broker/delivery';
import { headerBytes } from '../broker/headers';
import type { DeadLetter, DeadLetters } from '../broker/ports';
import type { StoredLetter } from '../broker/stored-letter';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError, isMessageNotFound } from './failures';
import { headersOf, readHeaders, toHeaders } from './headers';
import { letterState, removedIds, type LetterState } from './letter-state';
import { ownHeaders, readRange } from './stored-event';
import { findMessage, findStream, subjectsIn } from './streams';
import { assertReadableLetter, isLetterOf } from '../broker/letter-headers';

const TIMEOUT_MS = 5_000;
const HEADER_MARGIN_BYTES = 1_024;
const LIST_BATCH = 2_000;
const LIST_WAIT_MS = 1_000;
/** Letters are read as a range if the range has at most this many ids for each wanted one. */
const MAX_SPAN = 2;

interface ListOptions {
  /** Only letters with a greater id. Default: all. */
  readonly after?: number;
  /** Whether to read the payloads too; without them they are empty. Default: false. */
  readonly withPayload?: boolean;
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
    // The stored letter may be another event's: the event's stream was created again and counts from 1.
    if (!(await this.storeOn(subject, letter))) await this.storeOn(`${subject}.${letter.storedAtMs}`, letter);
    // A letter of the same handler is replaced by the storing. That of another handler, which the event was redirected
    // from, is not.
    if (letter.replaces !== undefined) await this.removeReplaced(letter.replaces, letter);
  }

  /** Reads the state of the stream; undefined if there is no stream. */
  state(): Promise<LetterState | undefined> {
    return letterState(this.connection, this.stream);
  }

  /** Reads the ids of removed letters, from the first id of the stream to the last one. */
  removedIds(): Promise<ReadonlySet<number>> {
    return removedIds(this.connection, this.stream);
  }

  /** Reads the letters, oldest first. */
  async *list({ after = 0, withPayload = false }: ListOptions = {}): AsyncGenerator<StoredLetter> {
    const info = await findStream(this.connection, this.stream);
    if (!info || info.state.messages === 0 || info.state.last_seq <= after) return;
    // An ordered consumer starts with the first letter by default. The server refuses a second option for that.
    const from = after > 0 && { opt_start_seq: after + 1 };
    const consumer = await this.connection.js.consumers.get(this.stream, { headers_only: !withPayload, ...from });
    let last = after;
    for (let more = true; more;) {
      const before = last;
      for await (const message of await consumer.fetch({ max_messages: LIST_BATCH, expires: LIST_WAIT_MS })) {
        yield { id: message.seq, ...headersOf(wrappedIn(message)), payload: message.data };
        last = message.seq;
        more = message.info.pending > 0;
        if (!more) break;
      }
      // The pending letters have expired or were removed in the meantime, or a busy server has sent nothing for a while.
      if (last === before) more = await this.hasAfter(last);
    }
  }

  private async hasAfter(id: number): Promise<boolean> {
    const next = { seq: id + 1, next_by_subj: 'dead.>' };
    return (await findMessage(this.connection, this.stream, next, `the dead letter after ${id}`)) !== undefined;
  }

  /** Reads the letter of that id; undefined if there is none. */
  async get(id: number): Promise<StoredLetter | undefined> {
    const message = await findMessage(this.connection, this.stream, { seq: id }, `dead letter ${id}`);
    return message && toLetter(message);
  }

  /** Reads the letters of these ids, in any order, with few requests where the ids are close together. */
  async getMany(ids: readonly number[]): Promise<Map<number, StoredLetter>> {
    const found = await this.readTogether(ids);
    // A replica that is behind, or a stream without direct reads, does not have them. The leader does.
    const others = await Promise.all(ids.filter((id) => !found.has(id)).map((id) => this.get(id)));
    for (const letter of others) if (letter) found.set(letter.id, letter);
    return found;
  }

  private async readTogether(ids: readonly number[]): Promise<Map<number, StoredLetter>> {
    const [from, to] = [Math.min(...ids), Math.max(...ids)];
    if (to - from >= MAX_SPAN * ids.length) return new Map();
    const wanted = new Set(ids);
    const found = (await readRange(this.connection, this.stream, from, to)).filter(({ sequence }) =>
      wanted.has(sequence),
    );
    return new Map(
      found.map(({ sequence: id, message }) => [id, { id, ...ownHeaders(message), payload: message.data }]),
    );
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
    const headers = of && (await this.get(id))?.headers;
    // The stream of the letters was created again, so the id belongs to another letter now.
    if (of && headers && !isLetterOf(headers, of)) return;
    if (headers) assertReadableLetter(id, headers);
    await this.delete(id);
  }

  private async removeReplaced(id: number, by: DeadLetter): Promise<void> {
    const old = await this.get(id);
    if (!old || !isLetterOf(old.headers, by)) return;
    assertReadableLetter(id, old.headers);
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
    return message && toLetter(message);
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

function toLetter({ seq: id, data: payload, header }: StoredMsg): StoredLetter {
  return { id, ...readHeaders(header), payload };
}
