import { JetplugError } from '../../sdk/internal';
import type { ConsumerInfo, StreamInfo } from '../nats/client';
import { ownershipOf } from '../nats/ownership';
import type { ServerAssets } from '../nats/server-assets';
import type { WantedStream } from '../nats/wanted-streams';
import type { PluginAssets } from '../plugin/plugin-assets';
import type { Step } from './change';
import { waitingText } from './durable-steps';
import { isOfPlugin, keptStreams } from './needed-streams';
import { lossOfStream, nameOf } from './stream-steps';

export interface OrphanOptions {
  readonly deployment: string;
  readonly needed: readonly WantedStream[];
  readonly plugins: readonly PluginAssets[];
  /** Whether some plugin could not be read. Then nothing that may be a plugin's is an orphan. */
  readonly hasUnread: boolean;
}

/** Finds the deployment's streams, buckets and durables on the server that neither the config nor a plugin needs. */
export function orphanSteps(server: ServerAssets, options: OrphanOptions): Step[] {
  const durables = options.hasUnread ? [] : orphanDurables(server, options);
  return [...durables, ...orphanStreams(server, options)];
}

function orphanDurables({ durables }: ServerAssets, { deployment, plugins }: OrphanOptions): Step[] {
  const specs = plugins.flatMap(({ handlers }) => handlers.flatMap((one) => [one.durable, one.retryDurable]));
  const kept = new Set(specs.map(({ stream, durable }) => `${stream} ${durable}`));
  return [...durables.values()]
    .flat()
    .filter((info) => isOurs(info, deployment) && !kept.has(`${info.stream_name} ${info.name}`))
    .map(durableStep);
}

function durableStep(found: ConsumerInfo): Step {
  const { 'jetplug.plugin': plugin, 'jetplug.handler': handler } = found.config.metadata ?? {};
  return {
    target: { kind: 'durable', found, wanted: undefined },
    change: {
      ...{ change: 'orphan', kind: 'durable', name: found.name, stream: found.stream_name },
      ...(plugin !== undefined && { plugin }),
      ...(handler !== undefined && { handler }),
      impact: `no plugin has this handler: ${waitingText(found)}`,
      atStart: false,
      needs: ['--prune'],
    },
  };
}

function orphanStreams(server: ServerAssets, { deployment, needed, plugins, hasUnread }: OrphanOptions): Step[] {
  const kept = keptStreams(needed, plugins);
  return [...server.streams.values()]
    .filter((info) => isOurs(info, deployment) && !kept.has(info.config.name))
    .filter(({ config: { name } }) => !(hasUnread && isOfPlugin(name)))
    .map((found) => streamStep(found, server));
}

function streamStep(found: StreamInfo, server: ServerAssets): Step {
  const { name } = found.config;
  const why = isOfPlugin(name) ? 'there is no such plugin' : 'the config does not name it';
  const losesData = found.state.messages > 0;
  return {
    target: { kind: 'stream', found, wanted: undefined },
    change: {
      ...{ change: 'orphan', ...nameOf({ settings: { name } }) },
      impact: `${why}: ${contentText(found, server)}`,
      atStart: false,
      needs: losesData ? ['--prune', '--allow-data-loss'] : ['--prune'],
    },
  };
}

function contentText(found: StreamInfo, server: ServerAssets): string {
  const { messages } = found.state;
  if (found.config.name.startsWith('KV_')) return `it holds ${messages} ${messages === 1 ? 'value' : 'values'}`;
  if (isOfPlugin(found.config.name)) return `it holds ${messages} ${messages === 1 ? 'commit' : 'commits'}`;
  return lossOfStream(found, server);
}

function isOurs({ config }: StreamInfo | ConsumerInfo, deployment: string): boolean {
  return ownershipOf(config.metadata, deployment).kind === 'ours';
}

/**
 * Returns the error for a stream whose deletion would delete a durable of another program with it; undefined if it has
 * none.
 */
export function foreignDurablesOn(
  { config: { name } }: StreamInfo,
  { durables }: ServerAssets,
  deployment: string,
): JetplugError | undefined {
  const foreign = (durables.get(name) ?? []).filter(
    (info) => info.config.durable_name !== undefined && !isOurs(info, deployment),
  );
  if (foreign.length === 0) return undefined;
  const names = foreign.map((info) => `${info.name} (${waitingText(info)})`);
  const message = `stream ${name} cannot be deleted, because durables of other programs are on it: ${names.join(', ')}`;
  return new JetplugError('JP_CONSUMER_FOREIGN', message, {
    hint: `Nothing is changed. If nobody needs these durables, delete them first: nats consumer rm ${name} ${foreign[0]!.name}.`,
  });
}
