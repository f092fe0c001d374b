import { Bucket, type BucketConfig } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { checkDurable, durablePosition, ensureDurable } from '../nats/consumers';
import type { DurableWatch } from '../nats/durable-watch';
import type { KeptStreams } from '../nats/kept-streams';
import { Pull } from '../nats/pull';
import { isOnRoad } from '../nats/retry-road';
import type { PluginBroker } from './plugin-broker';

/** What a plugin's life asks of the broker, on a connection. */
export function natsBroker(
  connection: Connection,
  kept: KeptStreams,
  watch: DurableWatch,
  config: BucketConfig,
): PluginBroker {
  return {
    ensureDurable: (spec) => ensureDurable(connection, spec),
    checkDurable: (spec) => checkDurable(connection, spec),
    durablePosition: (stream, durable) => durablePosition(connection, stream, durable),
    streamCreated: (stream) => kept.created(stream),
    whenChecked: (...streams) => kept.whenChecked(...streams),
    isOnRoad: (road) => isOnRoad(connection, road),
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
