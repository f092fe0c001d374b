import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';

import { changeTexts, constantDifferences } from './durable-config';
import { notUpdatable } from './durable-decision';
import { asBrokerError } from './failures';
import { findDurable } from './find-durable';
import { describeDurable } from './foreign-durable';
import { createRequest } from './new-durable';
import { markOf, newerAsset, ownershipOf, type Ownership } from './ownership';
import { isStreamNotFound } from './streams';
import type { ConsumerInfo } from './client';

/** A durable on the server, before its adoption by a deployment. */
export interface DurableAdoption {
  readonly stream: string;
  readonly durable: string;
  /** The durable's filter, position and settings as text. */
  readonly description: string;
  /** The manager of the durable, seen from the deployment that adopts it. */
  readonly owner: Exclude<Ownership, { kind: 'newer' }>;
  /**
   * Settings that the next start of a host corrects, such as `max_deliver: 3 → -1`. Settings that the handler decides
   * are not listed.
   */
  readonly changes: readonly string[];
}

/**
 * Reports how a durable would change if the deployment adopted it. Changes nothing.
 * @throws JetplugError `JP_NOT_FOUND`, or `JP_CONSUMER_NOT_UPDATABLE` where no host could use it
 */
export async function durableAdoption(
  connection: Connection,
  stream: string,
  durable: string,
  deployment: string,
): Promise<DurableAdoption> {
  const info = await existing(connection, stream, durable);
  const { fixed, correctable } = constantDifferences({ ...info.config });
  if (fixed.length > 0) throw notUpdatable({ stream, durable }, fixed);
  const owner = ownershipOf(info.config.metadata, deployment);
  if (owner.kind === 'newer') throw newerAsset(`durable ${durable} on stream ${stream}`, owner.format);
  return {
    stream,
    durable,
    description: describeDurable(info),
    owner,
    changes: changeTexts(correctable),
  };
}

/** Marks a durable as the deployment's. The next start of a host corrects its settings. */
export async function adoptDurable(
  connection: Connection,
  stream: string,
  durable: string,
  deployment: string,
): Promise<DurableAdoption> {
  const adoption = await durableAdoption(connection, stream, durable, deployment);
  if (adoption.owner.kind === 'ours') return adoption;
  const { config } = await existing(connection, stream, durable);
  const metadata = { ...config.metadata, ...markOf(deployment) };
  try {
    await connection.requests.askApi(createRequest({ stream, durable, subject: config.filter_subject }), {
      stream_name: stream,
      config: { ...config, metadata },
      action: 'update',
    });
  } catch (error) {
    throw asBrokerError(error, `durable ${durable} on stream ${stream}`);
  }
  return adoption;
}

async function existing(connection: Connection, stream: string, durable: string): Promise<ConsumerInfo> {
  const info = await findDurable(connection, stream, durable).catch((error: unknown) => {
    if (isStreamNotFound(error)) return undefined;
    throw error;
  });
  if (info) return info;
  throw new JetplugError('JP_NOT_FOUND', `there is no durable ${durable} on stream ${stream}`);
}
