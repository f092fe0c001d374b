import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { logStream, RECORDS_BUCKET, retryStream, wantedStreams, type WantedStream } from '../nats/wanted-streams';
import { compile } from '../load/compile';
import { describe, type DescribedPlugin } from '../load/describe';
import { discover } from '../load/discover';
import { providersFor } from '../load/folder-providers';
import { specOf } from '../plugin/reconcile';
import { retryQueueDurable } from '../broker/retry-queue';

/** The buckets, commit logs and durables that the plugins have, or would have, on the server. Nothing else can be adopted. */
export interface WantedOfPlugins {
  readonly buckets: readonly string[];
  readonly logs: readonly WantedStream[];
  readonly durables: readonly WantedDurable[];
  /** The files of plugins that cannot be read, so that their buckets, logs and durables are not known. */
  readonly unread: readonly string[];
}

export interface WantedDurable {
  readonly stream: string;
  readonly durable: string;
}

/** The streams of the config, the stream of the dead letters, and the stream of the retries. */
export function adoptableStreams(config: Config): WantedStream[] {
  return [...wantedStreams(config), retryStream(config)];
}

export function wantedOfPlugins(config: Config): WantedOfPlugins {
  const { plugins, unread } = readPlugins(config);
  return {
    buckets: [RECORDS_BUCKET, ...plugins.map(({ name }) => `jetplug-${name}`)],
    logs: plugins.map(({ name }) => logStream(name, config)),
    durables: plugins.flatMap((plugin) => durablesOf(plugin, config)),
    unread,
  };
}

export function unwanted(what: string, wanted: readonly string[], unread: readonly string[] = []): JetplugError {
  const rest = unread.length > 0 ? `; ${unread.join(', ')} cannot be read (see \`jetplug check\`)` : '';
  const message = `neither the config nor a plugin declares ${what}; they declare ${wanted.join(', ') || 'none'}${rest}`;
  return new JetplugError('JP_ADOPT_UNWANTED', message);
}

/**
 * Finds the stream of a durable that the plugins want, whether or not the durable exists.
 * @param stream the stream that the durable must be on; undefined permits any
 */
export function durableNamed(
  durable: string,
  stream: string | undefined,
  durables: readonly WantedDurable[],
  unread: readonly string[],
): string {
  const named = durables.find((one) => one.durable === durable && (stream === undefined || one.stream === stream));
  if (named) return named.stream;
  const where = stream === undefined ? '' : ` on stream ${stream}`;
  const known = durables.map((one) => `${one.durable} (${one.stream})`);
  throw unwanted(`durable ${durable}${where}`, known, unread);
}

function readPlugins(config: Config): { plugins: DescribedPlugin[]; unread: string[] } {
  const plugins: DescribedPlugin[] = [];
  const unread: string[] = [];
  for (const file of discover(config.plugins.dirs).found) {
    try {
      plugins.push(describe(compile(file, { shared: providersFor(file.file, [file.root]) }), config));
    } catch {
      unread.push(file.file); // A refused adoption names the file; `jetplug check` gives the reason.
    }
  }
  return { plugins, unread };
}

/**
 * Returns the durable of a handler and its retry durable; only the retry durable where no stream holds the handler's
 * subject.
 */
function durablesOf(plugin: DescribedPlugin, config: Config): WantedDurable[] {
  return plugin.handlers.flatMap((handler) => {
    const { ackWaitMs } = config.delivery;
    const retryDurable = retryQueueDurable(plugin.name, handler.name, ackWaitMs, config.deploy.name);
    try {
      return [specOf(plugin, handler, config.streams, config), retryDurable];
    } catch {
      return [retryDurable];
    }
  });
}
