import type { CommitLog } from '../records/commits/commit-log';
import type { KeyValue } from '../records/key-value';
import type { DurableCheckpoint } from '../records/skipped-sequences';
import type { DurableSpec, DurablePosition, DurableWatcher } from './durable';
import type { HostGroup } from './host-group';
import type { DurablePull, PullSink } from './pull';

/** The functions of the broker for durables that deliver to one host at a time. */
export interface PinBroker {
  /**
   * Makes the durable deliver everything behind its ack floor again, in the order of the stream, and counts deliveries
   * from 1. Resolves with false if the server cannot do that.
   */
  reset(spec: DurableSpec): Promise<boolean>;
  /** The hosts of the deployment that have pinned durables. */
  readonly hosts: HostGroup;
}

/**
 * The functions of the broker that running a plugin needs. The folder host/nats implements them, and the testing kit
 * has an implementation in memory.
 */
export interface PluginBroker {
  /**
   * Creates the durable if it is missing, and corrects the settings that the server lets us change.
   * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE`
   */
  ensureDurable(spec: DurableSpec): Promise<DurablePosition>;
  /**
   * Checks that the durable is missing or can be brought to these settings in place.
   * @throws JetplugError `JP_CONSUMER_NOT_UPDATABLE` if it cannot
   */
  checkDurable(spec: DurableSpec): Promise<void>;
  /** Reads the durable's position; undefined if there is no such durable. */
  durablePosition(stream: string, durable: string): Promise<DurablePosition | undefined>;
  /** Reads the durable's state on the server; undefined if there is no such durable. */
  durableCheckpoint(spec: DurableSpec): Promise<DurableCheckpoint | undefined>;
  /** Reads when a stream was created. A stream that is created again starts its sequences at 1. */
  streamCreated(stream: string): Promise<string>;
  /** Waits for a check of these streams that is under way, if there is one. */
  whenChecked(...streams: string[]): Promise<void>;
  /** Whether a handler's retry queue holds events. */
  hasDeferred(retryQueue: DurableSpec): Promise<boolean>;
  /** Calls back every few seconds with how a durable is on the server; the result ends that. */
  watchDurable(spec: DurableSpec, watcher: DurableWatcher): () => void;
  pull(stream: string, durable: string, sink: PullSink): DurablePull;
  /** The functions for pinned durables; absent where there is only one host. */
  readonly pins?: PinBroker;
  /**
   * Whether a plugin may have a bucket or a commit log; false if it certainly has neither. Calls at the same time share
   * one request.
   */
  mayHaveStore(plugin: string): Promise<boolean>;
  /** Finds a plugin's bucket; undefined if there is none. */
  findStore(plugin: string): Promise<KeyValue | undefined>;
  /** Opens a plugin's bucket. Until `leave` is called, the bucket is created when it is missing, also after a loss. */
  openStore(plugin: string): Promise<{ readonly bucket: KeyValue; leave(): void }>;
  /**
   * Opens a plugin's commit log. Until `leave` is called, the log is created when it is missing, also after a loss.
   * @param above a log that is created counts its positions from the next number; default 0
   */
  openLog(plugin: string, above?: number): Promise<{ readonly log: CommitLog; leave(): void }>;
  /** Finds a plugin's commit log; undefined if there is none. */
  findLog(plugin: string): Promise<CommitLog | undefined>;
}
