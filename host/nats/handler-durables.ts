import { terminalText } from '../base/utf8';
import type { ConsumerInfo } from './client';
import type { Connection } from './connection';
import { asBrokerError } from './failures';
import { ownershipOf, type Ownership } from './ownership';
import { pausedUntilOf } from './pauses';
import { readServerAssets } from './server-assets';

/** A durable on the server, with the handler that its marks name. */
export interface HandlerDurable {
  readonly stream: string;
  readonly durable: string;
  readonly owner: Ownership;
  /** The plugin and the handler that the durable delivers to; undefined without these marks. */
  readonly plugin: string | undefined;
  readonly handler: string | undefined;
  readonly pausedUntil: Date | undefined;
  readonly pending: number;
  readonly inFlight: number;
}

/**
 * Lists the durables of all streams on the server. It reads their marks, so it needs neither a host nor the plugins'
 * files.
 */
export async function handlerDurables(connection: Connection, deployment: string): Promise<HandlerDurable[]> {
  try {
    const { durables } = await readServerAssets(connection);
    return [...durables.values()].flat().map((info) => describe(info, deployment));
  } catch (error) {
    throw asBrokerError(error, 'listing the durables on the server');
  }
}

function describe(info: ConsumerInfo, deployment: string): HandlerDurable {
  const { metadata } = info.config;
  return {
    stream: info.stream_name,
    durable: info.name,
    owner: ownershipOf(metadata, deployment),
    plugin: nameIn(metadata, 'jetplug.plugin'),
    handler: nameIn(metadata, 'jetplug.handler'),
    pausedUntil: pausedUntilOf(info),
    pending: info.num_pending,
    inFlight: info.num_ack_pending,
  };
}

/** Reads a name from a mark. Any program can write marks, so control characters in them are replaced. */
function nameIn(metadata: Record<string, string> | undefined, mark: string): string | undefined {
  const name = metadata?.[mark];
  return name === undefined ? undefined : terminalText(name).replace(/[\n\t]/g, ' ');
}
