import type { KeyValue } from '../effects/key-value';
import { KeyWriters } from '../effects/key-writers';
import type { MaybePromise } from '../maybe-promise';
import type { MessageRef } from './delivery';

/** How often a message has failed in one handler. */
export interface Failures {
  /** Its own: the handler worked on others meanwhile. */
  readonly charged: number;
  /** Since the handler's last success: its own, or an outage's. */
  readonly provisional: number;
}

export const NO_FAILURES: Failures = { charged: 0, provisional: 0 };

/** Counts failures. The server's delivery count will not do: it counts deploys and lost connections too. */
export interface AttemptLog {
  read(message: MessageRef): MaybePromise<Failures>;
  /** One more, provisionally; resolves when it is stored. */
  failed(message: MessageRef): Promise<void>;
  /** The provisional failures turn out to be the message's own. */
  charge(message: MessageRef): Promise<void>;
  /** The provisional failures turn out to be an outage's. */
  discharge(message: MessageRef): Promise<void>;
  /** The message is settled: its record is not needed any more. */
  forget(message: MessageRef): Promise<void>;
}

interface AttemptRecord extends Failures {
  /** When the message was stored: a stream made again counts its sequences anew. */
  readonly storedAtMs: number;
}

/** Keeps the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  private readonly writers: KeyWriters;

  constructor(
    private readonly records: KeyValue,
    private readonly durable: string,
  ) {
    this.writers = new KeyWriters(records);
  }

  async read(message: MessageRef): Promise<Failures> {
    const entry = await this.records.get(this.keyOf(message));
    return parse(entry?.value, message);
  }

  failed(message: MessageRef): Promise<void> {
    return this.change(message, ({ charged, provisional }) => ({ charged, provisional: provisional + 1 }));
  }

  charge(message: MessageRef): Promise<void> {
    return this.change(message, ({ charged, provisional }) => ({ charged: charged + provisional, provisional: 0 }));
  }

  discharge(message: MessageRef): Promise<void> {
    return this.change(message, ({ charged }) => ({ charged, provisional: 0 }));
  }

  async forget(message: MessageRef): Promise<void> {
    await this.writers.write(this.keyOf(message), () => undefined);
  }

  private async change(message: MessageRef, next: (failures: Failures) => Failures): Promise<void> {
    await this.writers.write(this.keyOf(message), (text) => {
      const record: AttemptRecord = { ...next(parse(text, message)), storedAtMs: message.storedAtMs };
      return JSON.stringify(record);
    });
  }

  private keyOf(message: MessageRef): string {
    return `attempts.${this.durable}.${message.stream}.${message.sequence}`;
  }
}

function parse(text: string | undefined, message: MessageRef): Failures {
  if (text === undefined) return NO_FAILURES;
  const record = JSON.parse(text) as AttemptRecord;
  return record.storedAtMs === message.storedAtMs ? record : NO_FAILURES;
}
