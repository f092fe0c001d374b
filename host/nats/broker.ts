import type { HostGroup } from '../broker/host-group';
import type { PluginBroker } from '../broker/plugin-broker';
import { Bucket, type BucketConfig } from './bucket';
import { JetStreamLog } from './commit-log';
import type { Connection } from './connection';
import { checkDurable, durableCheckpoint, durablePosition, ensureDurable, type DurableDeploy } from './consumers';
import type { DurableWatch } from './durable-watch';
import { PluginStreams } from './plugin-streams';
import { resetDurable } from './pins';
import { PinnedPull } from './pinned-pull';
import { Pull } from './pull';
import { hasDeferred } from './retry-queue';
import type { StreamKeeper } from './stream-keeper';

/** Returns the broker that running plugins need, on a connection. */
export function natsBroker(
  connection: Connection,
  keeper: StreamKeeper,
  durables: DurableWatch,
  hosts: HostGroup,
  config: BucketConfig & { readonly deploy: DurableDeploy },
  /** Reads the newest generation of the deployment. */
  generation: { checkNow(): Promise<void> },
): PluginBroker {
  const existing = new PluginStreams(connection);
  return {
    ensureDurable: async (spec) => {
      // The settings that a running host would put back may be those of a config that was applied just now.
      if (spec.yieldsToOtherHosts) await generation.checkNow();
      return ensureDurable(connection, spec, config.deploy);
    },
    checkDurable: (spec) => checkDurable(connection, spec),
    durablePosition: (stream, durable) => durablePosition(connection, stream, durable),
    durableCheckpoint: async (spec) => {
      const checkpoint = await durableCheckpoint(connection, spec);
      // A durable that is not complete skips events. The check replaces it, and the new durable delivers them. To check
      // now keeps their number small.
      if (checkpoint && !checkpoint.isComplete) void durables.check();
      return checkpoint;
    },
    streamCreated: (stream) => keeper.createdAt(stream),
    whenChecked: (...streams) => keeper.whenChecked(...streams),
    hasDeferred: (durable) => hasDeferred(connection, durable),
    watchDurable: (spec, watcher) => durables.add(spec, watcher),
    pull: (stream, durable, sink) =>
      sink.pin
        ? new PinnedPull(connection, stream, durable, sink, sink.pin)
        : new Pull(connection, stream, durable, sink),
    pins: { reset: (spec) => resetDurable(connection, spec), hosts },
    mayHaveStore: (plugin) => existing.mayExist(plugin),
    findStore: (plugin) => Bucket.find(connection, `jetplug-${plugin}`),
    openStore: async (plugin) => {
      const bucket = await Bucket.open(connection, `jetplug-${plugin}`, config);
      const leave = await bucket.addTo(keeper, `the store of plugin ${plugin}`, config);
      return { bucket, leave };
    },
    openLog: async (plugin, above) => {
      const log = await JetStreamLog.open(connection, plugin, config, above);
      return { log, leave: await log.addTo(keeper, config) };
    },
    findLog: (plugin) => JetStreamLog.find(connection, plugin),
  };
}
