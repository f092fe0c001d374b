import type { EventBus } from '../../sdk';
import { durationMs, JetplugError } from '../../sdk/internal';
import { plainError } from '../base/plain-error';
import { showThrown } from '../base/thrown';
import { machineTime, type Time } from '../base/time';
import type { Outbox, OutboxRow, Relay, RelayLog, RelayOptions, RowId } from './outbox';
import { RowPublisher, subjectText } from './publish-rows';
import { Retries } from './retries';

const MAX_NAME = 256;

/**
 * Publishes the events of an outbox: takes rows, publishes their events, and removes the rows whose events are stored.
 *
 * Each event's id is derived from the row's id. So if the program dies between the publish and the removal, the stream
 * drops the repeat, provided that it comes within the stream's duplicate window (2 min by default). A later repeat is
 * stored, with the same event id.
 *
 * ```ts
 * const relaying = relay(bus, outbox, { name: 'shop.orders' });
 * relaying.wake();
 * await relaying.stop();
 * ```
 *
 * @throws JetplugError `JP_RELAY_OPTION`, `JP_DURATION_INVALID`
 */
export function relay<Row extends OutboxRow>(
  bus: Pick<EventBus, 'publish'>,
  outbox: Outbox<Row>,
  options: RelayOptions,
): Relay {
  return OutboxRelay.start(bus, outbox, options);
}

export class OutboxRelay<Row extends OutboxRow> implements Relay {
  private readonly stopping = new AbortController();
  private readonly publisher: RowPublisher<Row>;
  private readonly databaseRetries: Retries;
  private readonly publishRetries: Retries;
  /** The rows of the last batch that were removed or refused. */
  private settled = new Set<RowId>();
  private isWoken = false;
  private endIdle: (() => void) | undefined;
  private running: Promise<void> = Promise.resolve();

  private constructor(
    bus: Pick<EventBus, 'publish'>,
    private readonly outbox: Outbox<Row>,
    private readonly settings: Settings,
    private readonly time: Time,
  ) {
    const { signal } = this.stopping;
    this.publisher = new RowPublisher(bus, settings, time, signal);
    this.databaseRetries = new Retries((failure) => this.logRetry('the outbox', failure), time, signal);
    this.publishRetries = new Retries((failure) => this.logRetry('publishing', failure), time, signal);
  }

  static start<Row extends OutboxRow>(
    bus: Pick<EventBus, 'publish'>,
    outbox: Outbox<Row>,
    options: RelayOptions,
    time: Time = machineTime,
  ): OutboxRelay<Row> {
    const relaying = new OutboxRelay(bus, outbox, settingsOf(options), time);
    relaying.running = relaying.run();
    return relaying;
  }

  wake(): void {
    this.isWoken = true;
    this.endIdle?.();
  }

  stop(): Promise<void> {
    this.stopping.abort();
    this.endIdle?.();
    return this.running;
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      this.isWoken = false;
      const takenAtMs = this.time.nowMs();
      const rows = await this.persist('take', () => this.take());
      if (!rows) return;
      const isPublished = await this.publish(rows, takenAtMs);
      if (isPublished && rows.length < this.settings.batch) await this.idle();
    }
  }

  private async take(): Promise<readonly Row[]> {
    const rows: unknown = await this.outbox.take(this.settings.batch);
    if (!Array.isArray(rows)) throw new TypeError('it did not return a list of rows');
    for (const row of rows as (Row | undefined)[]) {
      const id: unknown = row?.id;
      if (!isRowId(id)) throw new TypeError('it returned a row without an id');
      if (this.settled.has(id))
        throw new Error(`it returned the row ${String(id)}, which was removed or refused before`);
    }
    return rows as Row[];
  }

  /** Returns false after a failure, when the wait is over. */
  private async publish(rows: readonly Row[], takenAtMs: number): Promise<boolean> {
    const { stored, refused, failure } = await this.publisher.publish(rows, takenAtMs);
    if (stored.length > 0) await this.persist('remove', () => this.outbox.remove(stored));
    for (const { row, error } of refused) {
      this.log('error', 'the relay of an outbox refused a row', { row: row.id, subject: subjectText(row), error });
      await this.persist('refuse', () => this.outbox.refuse(row, error));
    }
    this.settled = new Set([...stored, ...refused.map(({ row }) => row.id)]);
    if (failure) await this.publishRetries.failed(failure);
    else if (rows.length > 0) this.publishRetries.succeeded();
    return !failure;
  }

  /**
   * Calls a method of the outbox, at least once, until it succeeds. Returns undefined if the relay is stopped first. The
   * rows are taken again at the next start then.
   */
  private async persist<T>(method: keyof Outbox, call: () => T | Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        const result = await call();
        this.databaseRetries.succeeded();
        return result;
      } catch (thrown) {
        const message = `outbox ${this.settings.name}: ${method} failed: ${showThrown(thrown)}`;
        await this.databaseRetries.failed(new JetplugError('JP_OUTBOX_FAILED', message, { cause: plainError(thrown) }));
      }
      if (this.isStopped) return undefined;
    }
  }

  /** Waits until the outbox may have a row. */
  private async idle(): Promise<void> {
    if (this.isWoken || this.isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = this.time.after(this.settings.intervalMs, resolve);
      this.endIdle = () => {
        timer.cancel();
        resolve();
      };
    });
    this.endIdle = undefined;
  }

  private logRetry(what: string, failure?: { waitMs: number; error: JetplugError }): void {
    if (failure) this.log('warn', `the relay of an outbox waits: ${what} failed`, failure);
    else this.log('info', `the relay of an outbox continues: ${what} works again`, {});
  }

  private log(level: keyof RelayLog, message: string, fields: object): void {
    this.settings.log[level](message, { outbox: this.settings.name, ...fields });
  }
}

interface Settings {
  readonly name: string;
  readonly batch: number;
  readonly concurrency: number;
  readonly intervalMs: number;
  readonly log: RelayLog;
}

function settingsOf(options: RelayOptions): Settings {
  const { name, batch = 100, concurrency = 16, interval = '1s', log = console } = options;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) {
    throw new JetplugError('JP_RELAY_OPTION', `relay: name is not a text of 1–${MAX_NAME} characters`);
  }
  for (const [option, value] of Object.entries({ batch, concurrency })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new JetplugError('JP_RELAY_OPTION', `relay: ${option} is ${JSON.stringify(value)}, not a positive integer`);
  }
  return { name, batch, concurrency, intervalMs: durationMs(interval, 'relay: interval'), log };
}

function isRowId(id: unknown): id is RowId {
  return typeof id === 'number' || typeof id === 'bigint' || (typeof id === 'string' && id !== '');
}
