import { deliveryKeys } from './delivery-keys';
import { handlerKeys } from './handler-keys';
import { httpKeys } from './http-keys';
import { isolationKeys } from './isolation-keys';
import { isLeaf, type Leaf, type SchemaMap } from './key';
import { natsKeys } from './nats-keys';
import { streamSchema } from './stream-keys';

/*
 * All keys of the configuration, with their meaning, format and default.
 *
 * To add a key: write it here, or in the file of its section, with its `doc`, `format` (see formats.ts), `default` and
 * variable; convert it in effective.ts; and show it in config/default.yaml. `default: null` with `nullable` means that
 * the key is not set; in a list's `children`, null without `nullable` makes the key required. Defaults are written as
 * people write them: lengths of time and sizes with their unit.
 */

/** One plugin's section, `plugins.<name>`. Variables do not set its keys. */
export const pluginSchema = {
  enabled: { doc: 'Whether the plugin runs.', format: 'boolean', default: true as boolean },
  ...handlerKeys,
  ...isolationKeys,
  settings: {
    doc: 'The plugin’s settings, validated by its own schema.',
    format: 'settings',
    default: null as Record<string, unknown> | null,
    nullable: true,
  },
} as const satisfies SchemaMap;

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
    drift: {
      doc: 'Settings that somebody changes on the server while hosts run: repair puts them back, report leaves and shows them.',
      format: ['repair', 'report'],
      default: 'repair' as 'repair' | 'report',
      env: 'JETPLUG_DEPLOY_DRIFT',
    },
    bindOnly: {
      doc: 'Whether a host creates, changes and deletes nothing on the server. A start then lists everything that is missing, with the commands that create it.',
      format: 'boolean',
      default: false as boolean,
      env: 'JETPLUG_DEPLOY_BIND_ONLY',
    },
    onRecreate: {
      doc: 'How a host treats a durable consumer that cannot be changed in place: refuse, or keep-position, which creates it again behind its settled events.',
      format: ['refuse', 'keep-position'],
      default: 'refuse' as 'refuse' | 'keep-position',
      env: 'JETPLUG_DEPLOY_ON_RECREATE',
    },
  },
  nats: natsKeys,
  streams: {
    doc: 'The streams that hold the events. Layers are merged by the streams’ names; no layer can remove a stream.',
    format: 'streams',
    default: [] as Record<string, unknown>[],
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
    poll: {
      doc: 'How often the plugins folders are polled for changes. auto: once a second on file systems that do not report all changes, such as NFS, and not at all on others.',
      format: 'interval',
      default: 'auto',
      env: 'JETPLUG_PLUGINS_POLL',
    },
    startTimeout: {
      doc: 'How long a plugin may take to load, build and start.',
      format: 'timeout',
      default: '10s',
      env: 'JETPLUG_PLUGINS_START_TIMEOUT',
    },
    use: {
      doc: 'The files of the middleware that runs around every handler, the outermost first.',
      format: 'files',
      default: [] as string[],
      env: 'JETPLUG_PLUGINS_USE',
    },
    defaults: { ...handlerKeys, ...isolationKeys },
  },
  ...deliveryKeys,
  http: httpKeys,
  log: {
    level: {
      doc: 'The lowest level that is logged: debug, info, warn or error.',
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
  tracing: {
    sample: {
      doc: 'The share of the trees of events whose runs are all recorded, for trace; failed runs are always recorded. off: no run is recorded.',
      format: 'share',
      default: 1 as number | 'off',
      env: 'JETPLUG_TRACING_SAMPLE',
    },
    maxAge: {
      doc: 'How long the record of a run is kept.',
      format: 'age',
      default: '3d',
      env: 'JETPLUG_TRACING_MAX_AGE',
    },
    maxBytes: {
      doc: 'The size limit of the stream of the records. While it is full, the oldest records are dropped.',
      format: 'limit',
      default: '256 MiB' as string | number,
      env: 'JETPLUG_TRACING_MAX_BYTES',
    },
  },
  shutdown: {
    grace: {
      doc: 'How long running handlers may take to finish when the host is stopped.',
      format: 'wait',
      default: '20s',
      env: 'JETPLUG_SHUTDOWN_GRACE',
    },
  },
} satisfies SchemaMap;

/** Every leaf with its path, without the leaves of streams and of plugins' sections, whose paths are not fixed. */
export function leaves(map: SchemaMap = schema, above = ''): [path: string, leaf: Leaf][] {
  return Object.entries(map).flatMap(([key, node]): [string, Leaf][] =>
    isLeaf(node) ? [[above + key, node]] : leaves(node, `${above}${key}.`),
  );
}
