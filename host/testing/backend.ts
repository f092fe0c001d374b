import type { Time } from '../base/time';
import type { AllHeaders } from '../broker/headers';
import type { PluginBroker } from '../broker/plugin-broker';
import type { DeadLetters, Outgoing, RetryQueue } from '../broker/ports';
import type { StoredLetter } from '../broker/stored-letter';
import type { PluginHost } from '../plugin/plugin-host';
import type { KeyValue } from '../records/key-value';
import type { TestClock } from './test-clock';

/** A message of any form, such as a program without the SDK may send. */
export interface RawMessage extends AllHeaders {
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** The broker that a test host runs on, in memory or on a server. A backend outlives the host runs of a test. */
export interface Backend {
  readonly clock: TestClock;
  /** The time that the host's own timers follow. */
  readonly time: Time;
  readonly streams: PluginHost['streams'];
  readonly broker: PluginBroker;
  readonly retryNotifier: PluginHost['retryNotifier'];
  readonly outgoing: Outgoing;
  readonly retryQueue: RetryQueue;
  readonly records: KeyValue;
  readonly deadLetters: DeadLetters;
  sendRaw(message: RawMessage): Promise<void>;
  letters(): Promise<StoredLetter[]>;
  /**
   * Waits for a short time: in memory for a turn of the event loop, on a server for some milliseconds. In memory, if no
   * handler runs, the call then moves the time to the next moment at which something is due. Resolves with whether
   * anything can still happen.
   */
  next(isRunning: boolean): Promise<boolean>;
  stop(): Promise<void>;
}
