import { JetplugError } from '../../sdk/internal';
import { AckPolicy, DeliverPolicy, nanos } from './client';
import type { Connection } from './connection';

/** The time that the server has to deliver the next batch. */
const TIMEOUT_MS = 5_000;
/**
 * The time for which a result is reused. It may be reused because no other host publishes under the ids in question.
 */
const FRESH_MS = 2_000;
/** The time after which an unused search is dropped. A later call then starts from the beginning. */
const KEPT_MS = 60_000;
const BATCH = 1_000;
/** The time after which the server deletes a consumer that nobody has used. */
const INACTIVE_MS = 10_000;

/**
 * Finds the ids of the events that were published on a subject. When a host returns, many deliveries ask at a time.
 * They share the result, and a later search continues where the last one has ended.
 */
export class SentIds {
  private readonly searches = new Map<string, Search>();

  constructor(private readonly connection: Connection) {}

  /**
   * Finds the ids of the events that were published on the subject since a time.
   * @throws JetplugError `JP_PUBLISH_FAILED` when the stream could not be read to its end
   */
  async since(subject: string, sinceMs: number): Promise<ReadonlySet<string>> {
    const nowMs = performance.now();
    for (const [other, { atMs }] of this.searches) if (nowMs - atMs >= KEPT_MS) this.searches.delete(other);
    let search = this.searches.get(subject);
    if (!search || search.sinceMs > sinceMs) {
      search = new Search(this.connection, subject, sinceMs);
      this.searches.set(subject, search);
    }
    try {
      return await search.ids(nowMs);
    } catch (cause) {
      this.searches.delete(subject);
      throw new JetplugError('JP_PUBLISH_FAILED', `cannot search ${subject} for published events`, { cause });
    }
  }
}

/** The ids of the events that were published on one subject since a time. */
class Search {
  atMs = -Infinity;
  private readonly found = new Set<string>();
  private readTo = 0;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: Connection,
    private readonly subject: string,
    readonly sinceMs: number,
  ) {}

  async ids(nowMs: number): Promise<ReadonlySet<string>> {
    if (nowMs - this.atMs >= FRESH_MS) {
      this.atMs = nowMs;
      this.reading = this.reading.then(() => this.readOn());
    }
    await this.reading;
    return this.found;
  }

  private async readOn(): Promise<void> {
    const { js, jsm } = this.connection;
    const stream = await jsm.streams.find(this.subject);
    const from =
      this.readTo > 0
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.readTo + 1 }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(this.sinceMs).toISOString() };
    const { name } = await jsm.consumers.add(stream, {
      ...from,
      ack_policy: AckPolicy.None,
      filter_subject: this.subject,
      headers_only: true,
      inactive_threshold: nanos(INACTIVE_MS),
    });
    const consumer = await js.consumers.get(stream, name);
    for (let { num_pending: left } = await consumer.info(); left > 0;) {
      let isProgress = false;
      for await (const message of await consumer.fetch({ max_messages: BATCH, expires: TIMEOUT_MS })) {
        isProgress = true;
        this.found.add(message.headers?.get('Nats-Msg-Id') ?? '');
        this.readTo = message.seq;
        left = message.info.pending;
        if (left === 0) break;
      }
      // A partial result would be wrong, because the caller publishes each id again that is not found.
      if (!isProgress) throw new Error(`${left} messages of ${this.subject} did not arrive`);
    }
    await consumer.delete().catch(() => undefined); // Else the server deletes it after INACTIVE_MS.
  }
}
