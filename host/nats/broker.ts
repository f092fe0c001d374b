import { Bucket, type BucketConfig } from './bucket';
import type { Connection } from './connection';
import { checkDurable, durableCheckpoint, durablePosition, ensureDurable } from './consumers';
import type { DurableWatch } from './durable-watch';
import type { StreamKeeper } from './stream-keeper';
import { Pull } from './pull';
import { hasDeferred } from './retry-queue';
import type { PluginBroker } from '../broker/plugin-broker';

/** What a plugin's life asks of the broker, on a connection. */
export function natsBroker(
  connection: Connection,
  kept: StreamKeeper,
  watch: DurableWatch,
  config: BucketConfig,
): PluginBroker {
  return {
    ensureDurable: (spec) => ensureDurable(connection, spec),
    checkDurable: (spec) => checkDurable(connection, spec),
    durablePosition: (stream, durable) => durablePosition(connection, stream, durable),
    durableCheckpoint: async (spec) => {
      const checkpoint = await durableCheckpoint(connection, spec);
      // What the durable passes over meanwhile is delivered again by the one that takes its place: it is to be little.
      if (checkpoint && !checkpoint.isComplete) void watch.look();
      return checkpoint;
    },
    streamCreated: (stream) => kept.created(stream),
    whenChecked: (...streams) => kept.whenChecked(...streams),
    hasDeferred: (road) => hasDeferred(connection, road),
    storeOf: (plugin) => Bucket.at(connection, `jetplug-${plugin}`),
    watchDurable: (spec, watcher) => watch.add(spec, watcher),
    pull: (stream, durable, sink) => new Pull(connection, stream, durable, sink),
    openStore: async (plugin) => {
      const bucket = await Bucket.open(connection, `jetplug-${plugin}`, config);
      const leave = await bucket.keep(kept, `the store of plugin ${plugin}`, config);
      return { bucket, leave };
    },
  };
}
