import { assertReadable, recordAt } from '../../records/record-format';
import type { KeyValue } from '../../records/key-value';
import { KeyWriters } from '../../records/key-writers';

/** A time in which a handler failed on every event. */
export interface Outage {
  readonly since: Date;
  /** The error that opened the handler's circuit. */
  readonly reason: string;
}

const FORMAT = 1;

interface OutageRecord {
  readonly format?: number;
  /** How many outages there have been. The number only grows. */
  readonly count: number;
  readonly ongoing?: { readonly sinceMs: number; readonly reason: string };
}

/**
 * A handler's outages, in the host's bucket: `circuit.<durable>`. An outage outlives the host, so that the next host
 * knows that the handler is down. Failures are recorded with the number of outages at their time, so one write of
 * this record drops all provisional failures from before.
 */
export class Outages {
  private readonly writers: KeyWriters;
  private counted = 0;
  private current: Outage | undefined;
  private stored = true;

  private constructor(
    records: KeyValue,
    private readonly durable: string,
  ) {
    this.writers = new KeyWriters(records);
  }

  static async open(records: KeyValue, durable: string): Promise<Outages> {
    const outages = new Outages(records, durable);
    const { count, ongoing } = outages.parse((await records.get(outages.key))?.value);
    outages.counted = count;
    if (ongoing) outages.current = { since: new Date(ongoing.sinceMs), reason: ongoing.reason };
    return outages;
  }

  get count(): number {
    return this.counted;
  }

  /** The outage that has not ended; it may have begun under an earlier host. */
  get ongoing(): Outage | undefined {
    return this.current;
  }

  /** Takes over a higher count that another host has recorded. */
  learn(count: number): void {
    this.counted = Math.max(this.counted, count);
  }

  /**
   * Begins an outage, so that earlier provisional failures do not count. Rejects if the outage cannot be stored;
   * {@link store} may store it later.
   */
  async begin(outage: Outage): Promise<void> {
    this.counted++;
    this.current = outage;
    await this.save();
  }

  /** Ends the outage. If the end cannot be stored, the next host begins with an unneeded probe. */
  async end(): Promise<void> {
    this.current = undefined;
    await this.save();
  }

  /** Stores the state if an earlier attempt failed. */
  async store(): Promise<void> {
    if (!this.stored) await this.save();
  }

  private async save(): Promise<void> {
    this.stored = false;
    await this.writers.write(this.key, (text) => {
      // Another host may have counted outages of its own.
      this.learn(this.parse(text).count);
      const { current, counted } = this;
      const ongoing = current && { sinceMs: current.since.getTime(), reason: current.reason };
      return JSON.stringify({ format: FORMAT, count: counted, ...(ongoing && { ongoing }) } satisfies OutageRecord);
    });
    this.stored = true;
  }

  /** @throws JetplugError `JP_RECORD_NEWER` */
  private parse(text: string | undefined): OutageRecord {
    const record = text === undefined ? { count: 0 } : (JSON.parse(text) as OutageRecord);
    assertReadable(recordAt(this.key), record.format, FORMAT);
    return record;
  }

  private get key(): string {
    return `circuit.${this.durable}`;
  }
}
