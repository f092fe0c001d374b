import type { KeyValue } from '../records/key-value';
import type { LongTexts } from '../records/long-texts';
import type { AllHeaders } from '../broker/headers';
import type { DeadLetters, Outgoing, RetryQueue } from '../broker/ports';
import type { StoredLetter } from '../nats/dead-letter-stream';
import type { PluginHost } from '../plugin/plugin-host';
import type { PluginBroker } from '../broker/plugin-broker';
import type { Time } from '../base/time';
import type { TestClock } from './test-clock';

/** A message of any form, as a program without the SDK may send it. */
export interface RawMessage extends AllHeaders {
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** What a test host stands on: a broker in memory, or a server. */
export interface Backend {
  readonly clock: TestClock;
  /** What the host's own timers go by. */
  readonly time: Time;
  readonly streams: PluginHost['streams'];
  readonly broker: PluginBroker;
  readonly retryNotifier: PluginHost['retryNotifier'];
  readonly outgoing: Outgoing;
  readonly retryQueue: RetryQueue;
  readonly records: KeyValue;
  deadLetters(texts: LongTexts): DeadLetters;
  sendRaw(message: RawMessage): Promise<void>;
  letters(): Promise<StoredLetter[]>;
  /** A plugin's bucket, made where it is missing. */
  bucket(plugin: string): Promise<KeyValue>;
  /**
   * Waits until something may have happened: a turn of the event loop, and where nothing runs the next moment
   * at which something is due. Answers whether anything can still happen.
   */
  next(isRunning: boolean): Promise<boolean>;
  stop(): Promise<void>;
}
