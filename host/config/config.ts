import type { HandlerConfig } from './handler-keys';
import type { ProcessConfig } from './isolation-keys';

export type { HandlerConfig, ProcessConfig };

/** The effective configuration: every layer merged, validated, with units in the names, frozen. */
export interface Config {
  readonly deploy: DeployConfig;
  readonly nats: NatsConfig;
  readonly streams: readonly StreamConfig[];
  readonly plugins: PluginsConfig;
  readonly delivery: DeliveryConfig;
  readonly deadLetters: DeadLettersConfig;
  readonly retries: RetriesConfig;
  readonly store: StoreConfig;
  readonly http: HttpConfig;
  readonly log: { readonly level: LogLevel; readonly verbose: boolean };
  readonly tracing: TracingConfig;
  readonly shutdown: { readonly graceMs: number };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The owner of the streams, buckets and durables on the server, and how far a start may change them. */
export interface DeployConfig {
  /**
   * The name that marks the streams, buckets and durables that the host creates. Hosts with one name are one
   * deployment. Default `jetplug`.
   */
  readonly name: string;
  /** Whether a changed config may drop subjects of a stream, or delete stored events. Default false. */
  readonly allowDataLoss: boolean;
  /**
   * Whether the host puts back settings of streams and durables that somebody changes on the server while it runs, or
   * only reports them. Default `repair`.
   */
  readonly drift: 'repair' | 'report';
  /** Whether a host creates, changes and deletes no streams, buckets and durables. Default false. */
  readonly bindOnly: boolean;
  /**
   * How a host treats a durable consumer of its own that the server cannot change in place. `keep-position`: it
   * deletes the durable and creates it again behind its settled events. Default `refuse`.
   */
  readonly onRecreate: 'refuse' | 'keep-position';
}

export interface NatsConfig {
  /** The servers to join. Empty: the server on the default address if it answers, else an embedded one. */
  readonly servers: readonly string[];
  readonly credentials: CredentialsConfig;
  readonly tls: TlsConfig;
  /** The JetStream domain, where JetStream runs behind a leaf node. Not together with `apiPrefix`. */
  readonly domain?: string;
  /** The first tokens of the JetStream API's subjects. Default `$JS.API`. */
  readonly apiPrefix?: string;
  /** The first tokens of the inboxes that receive replies. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  readonly embedded: EmbeddedConfig;
}

/** The credentials for the server, in at most one way. Files are read again at each connect. */
export interface CredentialsConfig {
  readonly user?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly credsFile?: string;
  readonly nkeyFile?: string;
}

export interface TlsConfig {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Whether the TLS handshake comes before the server's greeting. Default false. */
  readonly handshakeFirst?: boolean;
}

export interface EmbeddedConfig {
  /** Path of the nats-server binary. Empty: the host searches for it. */
  readonly binary: string;
  /** Port on 127.0.0.1. Default 4222; 0: any free port. */
  readonly port: number;
  /** Folder of the broker's data, which the host locks. Default `.jetplug`. */
  readonly data: string;
  /** How often the server syncs its files: `always`, or a duration that nats-server takes. Default `always`. */
  readonly syncInterval: string;
  /** Whether a flag asks for an embedded broker, so that the host joins no running one. */
  readonly own: boolean;
}

export interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly duplicateWindowMs: number;
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  /** Whether the host creates and updates the stream. Default true; false: it must exist and hold the subjects. */
  readonly manage: boolean;
}

export interface PluginsConfig {
  readonly dirs: readonly string[];
  readonly watch: boolean;
  /** The interval at which the plugins folders are polled. Undefined: where the system does not report all changes. */
  readonly pollMs?: number;
  /** How long a plugin may take to load, build and start. Default 10 s. */
  readonly startTimeoutMs: number;
  /** The files of the middleware around every handler, the outermost first. Default: none. */
  readonly use: readonly string[];
  readonly defaults: HandlerConfig & ProcessConfig;
  /** The sections of the plugins, by plugin name. */
  readonly sections: Readonly<Record<string, PluginSection>>;
}

export interface PluginSection extends HandlerConfig, ProcessConfig {
  readonly enabled: boolean;
  /** The settings as written; the plugin's own schema validates them. */
  readonly settings?: unknown;
}

export interface DeliveryConfig {
  /** How long the server waits for an ack before it redelivers; `working()` resets the wait. Default 15 s. */
  readonly ackWaitMs: number;
  /** How many deliveries of one durable may be unsettled at a time, over all hosts. Default 5,000. */
  readonly maxAckPending: number;
  /** How many calls of handlers run at the same time in a host. Absent: as many as the handlers' concurrency allows. */
  readonly maxConcurrent?: number;
  /** The size of the payloads that all handlers together hold in a host; -1: unlimited. Default 256 MiB. */
  readonly maxBufferedBytes: number;
  /** The greatest size of a payload. Larger ones are dead-lettered. Default 512 KiB. */
  readonly maxPayloadBytes: number;
  /** The greatest depth of a payload. Deeper ones are dead-lettered. Default 64. */
  readonly maxDepth: number;
  /**
   * The circuit opens when at least `messages` distinct events have failed since the last success, over at least
   * `overMs`. Default: 5 over 1 s.
   */
  readonly circuit: { readonly messages: number; readonly overMs: number };
  /**
   * A new version of a plugin is rolled back if its first events, `events` in number, all fail within `withinMs`.
   * Default: 3 in 1 min; 0 events: never.
   */
  readonly rollback: { readonly events: number; readonly withinMs: number };
}

export interface DeadLettersConfig {
  readonly stream: string;
  readonly maxAgeMs: number;
  /**
   * The limit of the stream; -1: unlimited, the default. A full stream refuses letters, and their events stay in their
   * streams.
   */
  readonly maxBytes: number;
}

/** The stream of the retry queue: events that are redelivered to one handler only. */
export interface RetriesConfig {
  /**
   * The limit of the stream; -1: unlimited, the default. A full stream refuses events, which then wait in their own
   * streams.
   */
  readonly maxBytes: number;
}

/** The buckets, one of each plugin and the host's own, and the plugins' commit logs. */
export interface StoreConfig {
  /** The limit of each bucket. -1: unlimited, the default. A full bucket stays behind its commit log. */
  readonly maxBytes: number;
  /** For how long a commit stays in a plugin's log when the bucket has its values. At least 5 minutes; default 7 days. */
  readonly historyMs: number;
  /** The limit of each commit log. -1: unlimited, the default. While a log is full, runs wait for their commit. */
  readonly logMaxBytes: number;
}

export interface HttpConfig {
  /** The address of the HTTP server, `host:port`. Port 0: any free port; empty: no HTTP. Default 127.0.0.1:8300. */
  readonly listen: string;
  /**
   * The tokens of those who may change things, and of those who may only look, each as a text or in a file. The files
   * are read again when they change. Default: none, so that only programs of this machine reach the page.
   */
  readonly operatorToken?: string;
  readonly operatorTokenFile?: string;
  readonly readerToken?: string;
  readonly readerTokenFile?: string;
  /** Further names by which the server is reached, without ports. Default: none. */
  readonly allowedHosts: readonly string[];
}

/** The records of runs. */
export interface TracingConfig {
  /**
   * The share of the trees of events whose runs are all recorded, from 0 to 1; failed runs are always recorded. Default
   * 1. Undefined: no run is recorded.
   */
  readonly sample: number | undefined;
  /** How long a record is kept. Default 3 days. */
  readonly maxAgeMs: number;
  /** The limit of the stream; -1: unlimited. The oldest records are dropped first. Default 256 MiB. */
  readonly maxBytes: number;
}

/** The place that a value of the config comes from. */
export type Source =
  | { readonly layer: 'default' }
  | { readonly layer: 'file'; readonly file: string; readonly line: number }
  | { readonly layer: 'variable'; readonly name: string }
  | { readonly layer: 'flag'; readonly name: string };

/** Returns the source of the value at a path, such as `delivery.ackWait` or `streams[0].maxAge`. */
export type SourceOf = (path: string) => Source;

/** A config, and the source of each value. */
export interface LoadedConfig {
  /** The config, deeply frozen. It holds secrets, so never log `nats.credentials` and `http`. */
  readonly config: Config;
  readonly sourceOf: SourceOf;
}
