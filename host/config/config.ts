import type { From, Isolation, RetryOptions } from '../../sdk/internal';

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
  readonly shutdown: { readonly graceMs: number };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Whose the assets on the server are, and how far a start may change them. */
export interface DeployConfig {
  /** Marks the streams, buckets and durables that the host creates; hosts with one name are one deployment. Default `jetplug`. */
  readonly name: string;
  /** Whether a changed config may drop subjects of a stream, or delete stored events. Default false. */
  readonly allowDataLoss: boolean;
}

export interface NatsConfig {
  /** The servers to join. Empty: the default address, else an embedded one. */
  readonly servers: readonly string[];
  readonly credentials: CredentialsConfig;
  readonly tls: TlsConfig;
  /** The JetStream domain, where JetStream runs behind a leaf node. Not together with `apiPrefix`. */
  readonly domain?: string;
  /** The first tokens of the JetStream API's subjects. Default `$JS.API`. */
  readonly apiPrefix?: string;
  /** The first tokens of the inboxes that answers come to. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  readonly embedded: EmbeddedConfig;
}

/** At most one way to authenticate. Files are read again at each connect. */
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
  /** Path of the nats-server binary; empty: looked for. */
  readonly binary: string;
  /** Port on 127.0.0.1. Default 4222; 0: any free one. */
  readonly port: number;
  /** Where the broker keeps its data; the host locks it. Default `.jetplug`. */
  readonly data: string;
  /** How often the server syncs its files: `always`, or a duration that nats-server takes. Default `always`. */
  readonly syncInterval: string;
  /** Whether flags ask for an embedded broker of its own, rather than joining one that answers. */
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
  /** How long a plugin may take to load, build and start. Default 10 s. */
  readonly startTimeoutMs: number;
  readonly defaults: HandlerConfig & ProcessConfig;
  /** By plugin name. */
  readonly sections: Readonly<Record<string, PluginSection>>;
}

/** What the config may say of handlers; what is absent is decided by the decorator or the built-in default. */
export interface HandlerConfig {
  readonly from?: From;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
}

/** What the config may say of the process that a plugin's handlers run in; what is absent is decided as above. */
export interface ProcessConfig {
  readonly isolation?: Isolation;
  readonly processes?: number;
  readonly heapLimitBytes?: number;
  readonly memoryLimitBytes?: number;
}

export interface PluginSection extends HandlerConfig, ProcessConfig {
  readonly enabled: boolean;
  /** Handed to the plugin's own schema as it stands. */
  readonly settings?: unknown;
}

export interface DeliveryConfig {
  /** How long the server waits for an ack before it delivers again; `working()` prolongs it. Default 15 s. */
  readonly ackWaitMs: number;
  /** How many deliveries of one durable may be unsettled at a time, over all hosts. Default 1,000. */
  readonly maxAckPending: number;
  /** Larger payloads are dead-lettered. Default 512 KiB. */
  readonly maxPayloadBytes: number;
  /** Deeper payloads are dead-lettered. Default 64. */
  readonly maxDepth: number;
  /** When a handler counts as down: so many distinct events failed since its last success, over at least this time. Default 5 over 1 s. */
  readonly circuit: { readonly messages: number; readonly overMs: number };
  /** When an edit is taken back: so many distinct events failed first, and none was handled, in at most this time. Default 3 in 1 min; 0: never. */
  readonly rollback: { readonly events: number; readonly withinMs: number };
}

export interface DeadLettersConfig {
  readonly stream: string;
  readonly maxAgeMs: number;
  /** -1: unlimited, the default. A full stream refuses letters, and their events stay in their streams. */
  readonly maxBytes: number;
}

/** The stream of events that come back to one handler alone. */
export interface RetriesConfig {
  /** -1: unlimited, the default. A full stream refuses events, which then wait in their own streams. */
  readonly maxBytes: number;
}

/** The buckets: each plugin's, and the host's own. */
export interface StoreConfig {
  /** For each bucket. -1: unlimited, the default. A full bucket refuses writes. */
  readonly maxBytes: number;
}

export interface HttpConfig {
  /** `host:port`; port 0: any free one; empty: no HTTP. Default 127.0.0.1:8300. */
  readonly listen: string;
}

/** Where a value of the config came from. */
export type Source =
  | { readonly layer: 'default' }
  | { readonly layer: 'file'; readonly file: string; readonly line: number }
  | { readonly layer: 'variable'; readonly name: string }
  | { readonly layer: 'flag'; readonly name: string };

/** Tells where the value at a path came from; paths as in YAML: `delivery.ackWait`, `streams[0].maxAge`. */
export type SourceOf = (path: string) => Source;

/** A config, and where it is written. */
export interface LoadedConfig {
  /** Typed, in milliseconds and bytes, deeply frozen. It holds secrets: never log `nats.credentials`. */
  readonly config: Config;
  readonly sourceOf: SourceOf;
}
