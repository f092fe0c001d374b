import type { KeyValue } from '../records/key-value';
import type { DurableCheckpoint } from '../records/settlements';
import type { DurableSpec, DurablePosition, DurableWatcher } from './durable';
import type { DurablePull, PullSink } from './pull';

/** What a plugin's life asks of the broker. The testing kit has one in memory. */
export interface PluginBroker {
  /**
   * Makes the durable where it is missing, and corrects in place what the server lets us.
   * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE`
   */
  ensureDurable(spec: DurableSpec): Promise<DurablePosition>;
  /** @throws JetplugError `JP_CONSUMER_NOT_UPDATABLE` where the durable could not be brought to this in place */
  checkDurable(spec: DurableSpec): Promise<void>;
  /** How far it is, or nothing where there is no such durable. */
  durablePosition(stream: string, durable: string): Promise<DurablePosition | undefined>;
  /** How it is now, or nothing where there is no such durable. */
  durableCheckpoint(spec: DurableSpec): Promise<DurableCheckpoint | undefined>;
  /** When a stream was made; one made again counts its sequences anew. */
  streamCreated(stream: string): Promise<string>;
  /** Resolves when the streams are as they were, where a look at them is under way. */
  whenChecked(...streams: string[]): Promise<void>;
  /** Whether anything lies on a handler's retry road. */
  hasDeferred(road: DurableSpec): Promise<boolean>;
  /** A plugin's bucket, which is not looked for: what is asked of one that is not there fails. */
  storeOf(plugin: string): KeyValue;
  /** Calls back every few seconds with how a durable is on the server; the result ends that. */
  watchDurable(spec: DurableSpec, watcher: DurableWatcher): () => void;
  pull(stream: string, durable: string, sink: PullSink): DurablePull;
  /** A plugin's bucket, made where it is missing, and kept until `leave`. */
  openStore(plugin: string): Promise<{ readonly bucket: KeyValue; leave(): void }>;
}
