import type { KeyValue } from '../effects/key-value';
import type { MaybePromise } from '../maybe-promise';
import type { Delivery } from './delivery';

/** How often a message has failed in one handler. The server's delivery count will not do: it counts deploys and lost connections too. */
export interface AttemptLog {
  /** The failures so far. */
  failures(delivery: Delivery): MaybePromise<number>;
  /** Records the failures; resolves when the record is stored. */
  record(delivery: Delivery, failures: number): Promise<void>;
  /** The message is settled: its record is not needed any more. */
  forget(delivery: Delivery): Promise<void>;
}

interface AttemptRecord {
  failures: number;
  /** When the message was stored: a stream made again counts its sequences anew. */
  storedAtMs: number;
}

/** Keeps the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  constructor(
    private readonly records: KeyValue,
    private readonly durable: string,
  ) {}

  async failures(delivery: Delivery): Promise<number> {
    const entry = await this.records.get(this.keyOf(delivery));
    if (entry?.value === undefined) return 0;
    const record = JSON.parse(entry.value) as AttemptRecord;
    return record.storedAtMs === delivery.storedAtMs ? record.failures : 0;
  }

  async record(delivery: Delivery, failures: number): Promise<void> {
    const record: AttemptRecord = { failures, storedAtMs: delivery.storedAtMs };
    await this.records.put(this.keyOf(delivery), JSON.stringify(record));
  }

  async forget(delivery: Delivery): Promise<void> {
    await this.records.delete(this.keyOf(delivery));
  }

  private keyOf(delivery: Delivery): string {
    return `attempts.${this.durable}.${delivery.stream}.${delivery.sequence}`;
  }
}
