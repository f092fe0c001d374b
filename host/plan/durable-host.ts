import type { Logger } from '../../sdk';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { durableCheckpoint, ensureDurable } from '../nats/consumers';
import { streamInfo } from '../nats/streams';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import type { DurableHost } from '../plugin/reconcile';

/** The change itself is the output of the commands, so nothing is logged. */
const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // Nobody reads it.
}

/** Returns the services by which a command creates and corrects durables as a host does. */
export function durableHost(connection: Connection): DurableHost {
  return {
    broker: {
      ensureDurable: (spec) => ensureDurable(connection, spec),
      streamCreated: async (stream) => (await streamInfo(connection, stream)).created,
      durableCheckpoint: (spec) => durableCheckpoint(connection, spec),
    },
    records: Bucket.at(connection, RECORDS_BUCKET),
    // A plugin's commit log may know of later settled events. Its host reads them there.
    commits: { get: () => undefined },
    log: SILENT,
  };
}
