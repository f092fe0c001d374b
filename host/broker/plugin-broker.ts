import type { KeyValue } from '../records/key-value';
import type { DurableCheckpoint } from '../records/skipped-sequences';
import type { DurableSpec, DurablePosition, DurableWatcher } from './durable';
import type { DurablePull, PullSink } from './pull';

/** The broker, as a plugin's life needs it. host/nats implements it, and the testing kit has one in memory. */
export interface PluginBroker {
  /**
   * Makes the durable where it is missing, and corrects the settings that the server lets us change.
   * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE`
   */
  ensureDurable(spec: DurableSpec): Promise<DurablePosition>;
  /** @throws JetplugError `JP_CONSUMER_NOT_UPDATABLE` where the durable could not be brought to this in place */
  checkDurable(spec: DurableSpec): Promise<void>;
  /** The durable's position; undefined without such a durable. */
  durablePosition(stream: string, durable: string): Promise<DurablePosition | undefined>;
  /** How it is now, or nothing where there is no such durable. */
  durableCheckpoint(spec: DurableSpec): Promise<DurableCheckpoint | undefined>;
  /** When a stream was made. A stream that is made again starts its sequences at 1. */
  streamCreated(stream: string): Promise<string>;
  /** Resolves when a check of these streams that is under way has ended. */
  whenChecked(...streams: string[]): Promise<void>;
  /** Whether a handler's retry queue holds events. */
  hasDeferred(retryQueue: DurableSpec): Promise<boolean>;
  /** A plugin's bucket, without a check that it exists: requests to a missing bucket fail. */
  storeOf(plugin: string): KeyValue;
  /** Calls back every few seconds with how a durable is on the server; the result ends that. */
  watchDurable(spec: DurableSpec, watcher: DurableWatcher): () => void;
  pull(stream: string, durable: string, sink: PullSink): DurablePull;
  /** A plugin's bucket. It is made where it is missing, also after a loss, until `leave` is called. */
  openStore(plugin: string): Promise<{ readonly bucket: KeyValue; leave(): void }>;
}
