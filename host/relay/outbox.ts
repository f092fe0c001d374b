/** The interfaces between the relay and a program: the outbox in its database, and the relay's options. */
import type { Duration } from '../../sdk';
import type { EventContract, JetplugError } from '../../sdk/internal';

export type RowId = string | number | bigint;

/** A row of an outbox: an event that is to be published. */
export interface OutboxRow {
  /**
   * Identifies the row. The outbox must never use an id again, also not after the row was removed: the event's id is
   * derived from it, and a stream drops an event whose id it has.
   */
  readonly id: RowId;
  /** The contract of the event, or its subject. With a contract, the relay validates the fields. */
  readonly event: EventContract | string;
  /** The fields of the event. */
  readonly fields: object;
  /**
   * The time at which the event happened: ISO 8601 with `Z` or an offset. Default: the time at which the relay
   * publishes it.
   */
  readonly timestamp?: string | undefined;
  /**
   * Rows with the same key are published one after the other, in their order; rows with different keys also at the same
   * time. Default: all rows without a key are published in their order.
   */
  readonly key?: string | undefined;
}

/**
 * The outbox of a program, in the program's own database. If a method throws or rejects, the relay logs
 * `JP_OUTBOX_FAILED` and calls it again, after 1 s and then after growing waits of up to 30 s.
 */
export interface Outbox<Row extends OutboxRow = OutboxRow> {
  /** Reads the oldest rows, in the order in which they are to be published, without those that were refused. */
  take(limit: number): Promise<readonly Row[]> | readonly Row[];
  /**
   * Removes rows whose events are stored in a stream. A row that is gone already is no error. The relay awaits the result
   * and does not use it.
   */
  remove(ids: readonly RowId[]): unknown;
  /**
   * Sets a row aside that cannot be published, so that `take` no longer returns it and somebody can look at it: marks
   * it, or moves it to another table. The relay has logged the error. It awaits the result and does not use it.
   *
   * @param error `JP_EVENT_INVALID`, `JP_SUBJECT_INVALID`, `JP_PUBLISH_TOO_LARGE` or `JP_PUBLISH_NO_STREAM`
   */
  refuse(row: Row, error: JetplugError): unknown;
}

/** The log of a relay. `console` is one, and so is the `Logger` of a plugin. */
export interface RelayLog {
  info(message: string, fields: object): void;
  warn(message: string, fields: object): void;
  error(message: string, fields: object): void;
}

export interface RelayOptions {
  /**
   * The name of the outbox, 1–256 characters, such as `shop.orders`. The events' ids are derived from it and the rows'
   * ids. So it must differ from the name of each other outbox, be the same in all processes that drain this one, and
   * never change while the outbox has rows.
   */
  name: string;
  /** The most rows that are taken at a time. Default 100. */
  batch?: number;
  /** The most events that are sent at a time; see {@link OutboxRow.key}. Default 16. */
  concurrency?: number;
  /** The time after which the relay looks again into an outbox that was empty. Default 1 s. */
  interval?: Duration;
  /** Where the relay logs refused rows, and failures of the outbox and of the NATS server. Default: the console. */
  log?: RelayLog;
}

/** A running relay. */
export interface Relay {
  /** Looks into the outbox at once. Call it after a commit that has written a row. */
  wake(): void;
  /**
   * Ends the relay. Resolves when the events that are being sent are stored or have failed, after at most about 30 s, and
   * the stored ones are removed from the outbox. Close the event bus and the database after that.
   */
  stop(): Promise<void>;
}
