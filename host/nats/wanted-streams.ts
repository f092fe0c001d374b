import { RETRY_STREAM } from '../broker/stream-state';
import {
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  StorageType,
  StoreCompression,
  type ServerStreamConfig,
} from './client';
import type { Config, StreamConfig } from '../config/config';

/**
 * The purpose of a stream. It decides whether the host may use a stream that is not its deployment's, and which ways
 * out the errors list.
 */
export type StreamUse = 'events' | 'dead-letters' | 'retries' | 'bucket' | 'log' | 'runs' | 'audit';

/** The settings of a stream that the host compares and updates. */
export type StreamSettings = Partial<ServerStreamConfig> & { readonly name: string; readonly subjects: string[] };

/** A stream that the config wants on the server. */
export interface WantedStream {
  readonly use: StreamUse;
  readonly settings: StreamSettings;
  /** Settings that apply only when the host creates the stream. */
  readonly initially?: Partial<ServerStreamConfig>;
  /** Whether the host creates and updates the stream. If not, another program does (`streams[].manage`). */
  readonly managed: boolean;
}

const RETRY_SUBJECTS = 'retry.>';
const DEAD_SUBJECTS = 'dead.>';

/** The name of the host's own bucket. */
export const RECORDS_BUCKET = 'jetplug';

const DUPLICATE_WINDOW_MS = 120_000;
const FOR_EVER = 0;
/** The server's `max_payload` alone limits a message. The host sizes commits and checkpoints by it. */
const ANY_SIZE = -1;

/** The host's own subjects. The config cannot change them, and no other stream can hold them. */
export const FIXED_SUBJECTS: readonly string[] = [DEAD_SUBJECTS, RETRY_SUBJECTS];

/** Returns the streams of the config and, as the last one, the stream of dead letters. */
export function wantedStreams(config: Config): WantedStream[] {
  return [...config.streams.map(eventStream), deadLetterStream(config)];
}

function eventStream(stream: StreamConfig): WantedStream {
  return {
    use: 'events',
    managed: stream.manage,
    settings: {
      name: stream.name,
      subjects: [...stream.subjects],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      storage: stream.storage === 'memory' ? StorageType.Memory : StorageType.File,
      max_age: nanos(stream.maxAgeMs),
      max_bytes: stream.maxBytes,
      duplicate_window: nanos(stream.duplicateWindowMs),
      num_replicas: stream.replicas,
      allow_direct: true,
    },
    // Set only here, because an unmarked stream without it fits all the same.
    initially: { allow_atomic: takesBatches(stream.replicas) },
  };
}

export function deadLetterStream({ deadLetters, streams }: Pick<Config, 'deadLetters' | 'streams'>): WantedStream {
  return {
    use: 'dead-letters',
    managed: true,
    settings: {
      name: deadLetters.stream,
      subjects: [DEAD_SUBJECTS],
      retention: RetentionPolicy.Limits,
      // A full stream refuses the letter, so its event stays in its own stream. To drop the oldest letter would lose an
      // event.
      discard: DiscardPolicy.New,
      storage: StorageType.File,
      max_age: nanos(deadLetters.maxAgeMs),
      max_bytes: deadLetters.maxBytes,
      // There is one letter for each subject, because a redriven event that fails again replaces its letter.
      max_msgs_per_subject: 1,
      duplicate_window: nanos(Math.min(DUPLICATE_WINDOW_MS, deadLetters.maxAgeMs)),
      num_replicas: replicasOf(streams),
      allow_direct: true,
    },
  };
}

export function retryStream({ retries, streams }: Pick<Config, 'retries' | 'streams'>): WantedStream {
  return {
    use: 'retries',
    managed: true,
    settings: {
      name: RETRY_STREAM,
      subjects: [RETRY_SUBJECTS],
      retention: RetentionPolicy.Limits,
      // A full stream refuses the event, which then stays in its own stream.
      discard: DiscardPolicy.New,
      storage: StorageType.File,
      // An event waits for its handler for as long as the handler is absent.
      max_age: FOR_EVER,
      max_bytes: retries.maxBytes,
      num_replicas: replicasOf(streams),
      allow_direct: true,
    },
  };
}

/** Returns the stream under a bucket, laid out as every NATS client lays it out (ADR-8). */
export function bucketStream(bucket: string, { store, streams }: Pick<Config, 'store' | 'streams'>): WantedStream {
  return {
    use: 'bucket',
    managed: true,
    settings: {
      name: `KV_${bucket}`,
      subjects: [`$KV.${bucket}.>`],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      storage: StorageType.File,
      max_age: FOR_EVER,
      max_bytes: store.maxBytes,
      max_msg_size: ANY_SIZE,
      num_replicas: replicasOf(streams),
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      allow_rollup_hdrs: true,
      allow_direct: true,
      allow_atomic: takesBatches(replicasOf(streams)),
      deny_delete: true,
    },
    // An operator may raise the history of a bucket.
    initially: { max_msgs_per_subject: 1 },
  };
}

/**
 * Returns the stream under a plugin's commit log.
 * @param above a stream that is created counts its sequences from the next number
 */
export function logStream(
  plugin: string,
  { store, streams }: Pick<Config, 'store' | 'streams'>,
  above = 0,
): WantedStream {
  return {
    use: 'log',
    managed: true,
    settings: {
      name: logStreamName(plugin),
      subjects: [logSubject(plugin)],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      storage: StorageType.File,
      // The host removes old commits, because a limit of the age would remove those that it needs.
      max_age: FOR_EVER,
      max_bytes: store.logMaxBytes,
      max_msg_size: ANY_SIZE,
      num_replicas: replicasOf(streams),
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      republish: { src: logSubject(plugin), dest: logTailSubject(plugin) },
      allow_direct: true,
      deny_delete: true,
      deny_purge: false,
    },
    initially: { first_seq: above + 1 },
  };
}

/** The stream of the records of runs. */
export const RUNS_STREAM = 'RUNS';
export const RUN_SUBJECTS = 'jetplug.runs';

export function runStream({ tracing, streams }: Pick<Config, 'tracing' | 'streams'>): WantedStream {
  return {
    use: 'runs',
    managed: true,
    settings: {
      name: RUNS_STREAM,
      subjects: [`${RUN_SUBJECTS}.*`],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      storage: StorageType.File,
      max_age: nanos(tracing.maxAgeMs),
      max_bytes: tracing.maxBytes,
      num_replicas: replicasOf(streams),
      // Records repeat the same names.
      compression: StoreCompression.S2,
      allow_direct: true,
    },
  };
}

/** Returns the subject of the records of a group of trees. */
export function runSubject(group: number): string {
  return `${RUN_SUBJECTS}.${group}`;
}

export function logStreamName(plugin: string): string {
  return `LOG_jetplug-${plugin}`;
}

/**
 * Returns the subject of the commits of a plugin. It is among the subjects of buckets, because the server keeps those
 * within a JetStream domain. The log of another domain would store commits on any other subject too.
 */
export function logSubject(plugin: string): string {
  return `$KV.LOG_jetplug-${plugin}.commit`;
}

/** Returns the subject on which the server publishes each commit of a plugin after it has stored it. */
export function logTailSubject(plugin: string): string {
  return `$KV.TAIL_jetplug-${plugin}.commit`;
}

/**
 * Whether atomic batches are used on a stream with so many replicas. It is not proven yet that no message of a batch is
 * lost or stored twice when leaders of a cluster are killed.
 */
export function takesBatches(replicas: number): boolean {
  return replicas === 1;
}

/** Returns the number of replicas of the host's own streams: that of the first stream of the config. */
function replicasOf(streams: readonly StreamConfig[]): number {
  return streams[0]?.replicas ?? 1;
}

/** The stream of the records of changes. */
export const AUDIT_STREAM = 'AUDIT';
export const AUDIT_SUBJECT = 'jetplug.audit';
const AUDIT_MAX_AGE_MS = 365 * 24 * 60 * 60_000;
const AUDIT_MAX_BYTES = 64 * 1024 * 1024;

export function auditStream({ streams }: Pick<Config, 'streams'>): WantedStream {
  return {
    use: 'audit',
    managed: true,
    settings: {
      name: AUDIT_STREAM,
      subjects: [AUDIT_SUBJECT],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      storage: StorageType.File,
      max_age: nanos(AUDIT_MAX_AGE_MS),
      max_bytes: AUDIT_MAX_BYTES,
      num_replicas: replicasOf(streams),
      compression: StoreCompression.S2,
      allow_direct: true,
      // No entry can be removed or replaced.
      deny_delete: true,
      deny_purge: true,
    },
  };
}
