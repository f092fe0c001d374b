import { ISOLATIONS, type Isolation } from '../../sdk/internal';
import type { FormatName } from './formats';

/**
 * The configuration: what exists, what it means, what it takes, and what holds where nothing is said.
 *
 * To add a key: write it here with its `doc`, `format` (see formats.ts), `default` and variable, hand it
 * on in effective.ts, and show it in config/default.yaml. A `default` of null with `nullable` means
 * that nothing is said; in a list's `children`, null without `nullable` makes the key a must.
 * Lengths of time, sizes and paths stand here as people write them.
 */

/** A key that holds a value. */
export interface Leaf<T = unknown> {
  readonly doc: string;
  readonly format: FormatName | readonly string[];
  readonly default: T;
  /** The variable that sets it: JETPLUG_ and its path, without `credentials`. */
  readonly env?: string;
  readonly nullable?: true;
  /** Its value is never shown. */
  readonly sensitive?: true;
  /** The keys of each entry of a list of maps. */
  readonly children?: SchemaMap;
}

/** A key that holds further keys. */
export interface SchemaMap {
  readonly [key: string]: Leaf | SchemaMap;
}

/** How handlers run; under `plugins.defaults` for all of them, and under `plugins.<name>` for one plugin's. */
const handler = {
  from: {
    doc: 'Where a new durable starts: new, beginning, { since: 7d } or { sequence: 1 }.',
    format: 'from',
    default: null as string | { since: string } | { sequence: number } | null,
    nullable: true,
  },
  concurrency: {
    doc: 'How many events a handler takes at a time, in one host.',
    format: 'count',
    default: null as number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_CONCURRENCY',
  },
  timeout: {
    doc: 'How long one run of a handler may take before it counts as failed.',
    format: 'timeout',
    default: null as string | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_TIMEOUT',
  },
  retry: {
    attempts: {
      doc: 'How often an event is tried in all before it is dead-lettered.',
      format: 'count',
      default: null as number | null,
      nullable: true,
      env: 'JETPLUG_PLUGINS_DEFAULTS_RETRY_ATTEMPTS',
    },
    backoff: {
      doc: 'The waits before the second try, the third and so on; the last one repeats.',
      format: 'backoff',
      default: null as string[] | null,
      nullable: true,
      env: 'JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF',
    },
  },
} as const satisfies SchemaMap;

/** Where a plugin's handlers run; under `plugins.defaults` and under `plugins.<name>`, as well. */
const isolation = {
  isolation: {
    doc: 'Where a plugin’s code runs: inline, in the host, or process, in processes of its own with limits.',
    format: ISOLATIONS,
    default: null as Isolation | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_ISOLATION',
  },
  processes: {
    doc: 'How many processes an isolated plugin has.',
    format: 'count',
    default: null as number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_PROCESSES',
  },
  heapLimit: {
    doc: 'How large the objects of such a process may get.',
    format: 'size',
    default: null as string | number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_HEAP_LIMIT',
  },
  memoryLimit: {
    doc: 'How much memory such a process may have in all, buffers included.',
    format: 'size',
    default: null as string | number | null,
    nullable: true,
    env: 'JETPLUG_PLUGINS_DEFAULTS_MEMORY_LIMIT',
  },
} as const satisfies SchemaMap;

/** One plugin's section, `plugins.<name>`; no variables reach it. */
export const pluginSchema = {
  enabled: { doc: 'Whether the plugin runs.', format: 'boolean', default: true as boolean },
  ...handler,
  ...isolation,
  settings: {
    doc: 'What the plugin’s own settings schema takes.',
    format: 'settings',
    default: null as Record<string, unknown> | null,
    nullable: true,
  },
} as const satisfies SchemaMap;

/** One entry of `streams`. */
export const streamSchema = {
  name: { doc: 'Its name on the server.', format: 'streamName', default: null as unknown as string },
  subjects: {
    doc: 'Which subjects it holds; no two streams may share one.',
    format: 'subjects',
    default: null as unknown as string[],
  },
  maxAge: { doc: 'How long an event is kept.', format: 'age', default: '7d' },
  maxBytes: {
    doc: 'How much is kept; beyond it the oldest events go.',
    format: 'size',
    default: '10 GiB' as string | number,
  },
  duplicateWindow: {
    doc: 'How long the server remembers event ids, to drop repeats. At most maxAge.',
    format: 'age',
    default: '2m',
  },
  storage: {
    doc: 'Where events are kept: file or memory. It cannot be changed later.',
    format: ['file', 'memory'],
    default: 'file' as 'file' | 'memory',
  },
  replicas: { doc: 'On how many servers of a cluster each event is kept, 1 to 5.', format: 'replicas', default: 1 },
  manage: {
    doc: 'Whether the host creates and updates the stream. false: it is used as it is, and must hold the subjects.',
    format: 'boolean',
    default: true as boolean,
  },
} satisfies SchemaMap;

export const schema = {
  deploy: {
    name: {
      doc: 'The deployment’s name. It marks what the host creates on the server; hosts with one name are one deployment.',
      format: 'deployName',
      default: 'jetplug',
      env: 'JETPLUG_DEPLOY_NAME',
    },
    allowDataLoss: {
      doc: 'Whether a changed config may drop subjects of a stream, or delete stored events.',
      format: 'boolean',
      default: false as boolean,
      env: 'JETPLUG_DEPLOY_ALLOW_DATA_LOSS',
    },
  },
  nats: {
    servers: {
      doc: 'The servers to join. Empty: one on the default port if it answers, else an embedded one.',
      format: 'servers',
      default: [] as string[],
      env: 'JETPLUG_NATS_SERVERS',
    },
    credentials: {
      user: optional('The user to connect as; with password or passwordFile.', 'text', 'JETPLUG_NATS_USER'),
      password: secret('The user’s password.', 'JETPLUG_NATS_PASSWORD'),
      passwordFile: optional('A file that holds the password.', 'path', 'JETPLUG_NATS_PASSWORD_FILE'),
      token: secret('The token to connect with.', 'JETPLUG_NATS_TOKEN'),
      tokenFile: optional('A file that holds the token.', 'path', 'JETPLUG_NATS_TOKEN_FILE'),
      credsFile: optional('A .creds file (JWT and seed).', 'path', 'JETPLUG_NATS_CREDS_FILE'),
      nkeyFile: optional('A file that holds an nkey’s seed.', 'path', 'JETPLUG_NATS_NKEY_FILE'),
    },
    tls: {
      caFile: optional('The authority that signed the servers’ certificates.', 'path', 'JETPLUG_NATS_TLS_CA_FILE'),
      certFile: optional('The host’s own certificate; with keyFile.', 'path', 'JETPLUG_NATS_TLS_CERT_FILE'),
      keyFile: optional('The key of the host’s own certificate.', 'path', 'JETPLUG_NATS_TLS_KEY_FILE'),
      handshakeFirst: {
        doc: 'Whether the servers start with the TLS handshake, before their greeting.',
        format: 'boolean',
        default: false as boolean,
        env: 'JETPLUG_NATS_TLS_HANDSHAKE_FIRST',
      },
    },
    domain: optional('The JetStream domain to use, as behind a leaf node.', 'token', 'JETPLUG_NATS_DOMAIN'),
    apiPrefix: optional(
      'The prefix of the JetStream API, where another account exports it. Not together with domain.',
      'subjectPrefix',
      'JETPLUG_NATS_API_PREFIX',
    ),
    inboxPrefix: optional(
      'The prefix of the inboxes for answers. Default: _INBOX.',
      'subjectPrefix',
      'JETPLUG_NATS_INBOX_PREFIX',
    ),
    embedded: {
      binary: optional('The nats-server to run. Default: it is looked for.', 'path', 'JETPLUG_NATS_EMBEDDED_BINARY'),
      port: {
        doc: 'Its port on 127.0.0.1; 0: any free one.',
        format: 'port',
        default: 4222,
        env: 'JETPLUG_NATS_EMBEDDED_PORT',
      },
      data: {
        doc: 'The folder for its data; the host locks it.',
        format: 'path',
        default: '.jetplug',
        env: 'JETPLUG_NATS_EMBEDDED_DATA',
      },
      syncInterval: {
        doc: 'How often it syncs its files to disk: always, or a length of time after which a power failure loses events.',
        format: 'syncInterval',
        default: 'always',
        env: 'JETPLUG_NATS_EMBEDDED_SYNC_INTERVAL',
      },
    },
  },
  streams: {
    doc: 'The streams that hold the events. A list given by a later layer replaces the whole list.',
    format: 'streams',
    default: [
      {
        name: 'EVENTS',
        subjects: ['video.>', 'user.>', 'recommendation.>', 'analytics.>', 'notification.>', 'badge.>', 'ranking.>'],
      },
    ] as Record<string, unknown>[],
    children: streamSchema as SchemaMap,
  },
  plugins: {
    dirs: {
      doc: 'The folders that plugins are found in.',
      format: 'paths',
      default: ['plugins'],
      env: 'JETPLUG_PLUGINS_DIRS',
    },
    watch: {
      doc: 'Whether plugins are loaded, swapped and removed as their files change.',
      format: 'boolean',
      default: true as boolean,
      env: 'JETPLUG_PLUGINS_WATCH',
    },
    startTimeout: {
      doc: 'How long a plugin may take to load, build and start.',
      format: 'timeout',
      default: '10s',
      env: 'JETPLUG_PLUGINS_START_TIMEOUT',
    },
    defaults: { ...handler, ...isolation },
  },
  delivery: {
    ackWait: {
      doc: 'How long the server waits for an ack before it delivers again; a running handler prolongs it.',
      format: 'timeout',
      default: '15s',
      env: 'JETPLUG_DELIVERY_ACK_WAIT',
    },
    maxAckPending: {
      doc: 'How many deliveries of one durable may be unsettled at a time, over all hosts.',
      format: 'count',
      default: 5_000,
      env: 'JETPLUG_DELIVERY_MAX_ACK_PENDING',
    },
    maxPayload: {
      doc: 'Larger payloads are dead-lettered.',
      format: 'size',
      default: '512 KiB' as string | number,
      env: 'JETPLUG_DELIVERY_MAX_PAYLOAD',
    },
    maxDepth: {
      doc: 'More deeply nested payloads are dead-lettered.',
      format: 'count',
      default: 64,
      env: 'JETPLUG_DELIVERY_MAX_DEPTH',
    },
    circuit: {
      messages: {
        doc: "How many distinct events must have failed since a handler's last success before it counts as down.",
        format: 'count',
        default: 5,
        env: 'JETPLUG_DELIVERY_CIRCUIT_MESSAGES',
      },
      over: {
        doc: "Over what time they must have failed; then the handler's events wait in the stream.",
        format: 'wait',
        default: '1s',
        env: 'JETPLUG_DELIVERY_CIRCUIT_OVER',
      },
    },
    rollback: {
      events: {
        doc: 'How many distinct events must fail first after an edit, and none be handled, for the version before to be taken back.',
        format: 'count',
        default: 3,
        env: 'JETPLUG_DELIVERY_ROLLBACK_EVENTS',
      },
      within: {
        doc: 'How long after an edit the version before is kept for that; 0s: never.',
        format: 'wait',
        default: '1m',
        env: 'JETPLUG_DELIVERY_ROLLBACK_WITHIN',
      },
    },
  },
  deadLetters: {
    stream: {
      doc: 'The stream for the dead letters.',
      format: 'streamName',
      default: 'DEAD',
      env: 'JETPLUG_DEAD_LETTERS_STREAM',
    },
    maxAge: {
      doc: 'How long a dead letter is kept.',
      format: 'age',
      default: '30d',
      env: 'JETPLUG_DEAD_LETTERS_MAX_AGE',
    },
    maxBytes: {
      doc: 'How much is kept. When it is full, an event that fails for good stays in its own stream.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_DEAD_LETTERS_MAX_BYTES',
    },
  },
  retries: {
    maxBytes: {
      doc: 'How much the stream of postponed and redriven events keeps. When it is full, an event waits in its own stream.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_RETRIES_MAX_BYTES',
    },
  },
  store: {
    maxBytes: {
      doc: 'How much each bucket keeps: one for each plugin that has a store, and the host’s own. A full one refuses writes.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_STORE_MAX_BYTES',
    },
  },
  http: {
    listen: {
      doc: 'Where health and metrics are served, as host:port; port 0: any free one; off: nowhere.',
      format: 'address',
      default: '127.0.0.1:8300',
      env: 'JETPLUG_HTTP_LISTEN',
    },
  },
  log: {
    level: {
      doc: 'The least level that is logged: debug, info, warn or error.',
      format: ['debug', 'info', 'warn', 'error'],
      default: 'info' as 'debug' | 'info' | 'warn' | 'error',
      env: 'JETPLUG_LOG_LEVEL',
    },
    verbose: {
      doc: 'Whether a terminal shows all fields of a line, and whole stacks with their causes.',
      format: 'boolean',
      default: false as boolean,
      env: 'JETPLUG_LOG_VERBOSE',
    },
  },
  shutdown: {
    grace: {
      doc: 'How long running handlers may finish when the host is stopped.',
      format: 'wait',
      default: '20s',
      env: 'JETPLUG_SHUTDOWN_GRACE',
    },
  },
} satisfies SchemaMap;

export function isLeaf(node: Leaf | SchemaMap): node is Leaf {
  return 'default' in node;
}

/** Every leaf with its path, as far as paths are fixed: not inside streams and plugins' sections. */
export function leaves(map: SchemaMap = schema, above = ''): [path: string, leaf: Leaf][] {
  return Object.entries(map).flatMap(([key, node]): [string, Leaf][] =>
    isLeaf(node) ? [[above + key, node]] : leaves(node, `${above}${key}.`),
  );
}

function secret(doc: string, env: string) {
  return { ...optional(doc, 'text', env), sensitive: true as const };
}

function optional(doc: string, format: 'text' | 'path' | 'token' | 'subjectPrefix', env: string) {
  return { doc, format, default: null as string | null, nullable: true as const, env };
}
