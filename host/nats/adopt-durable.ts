import type { ConsumerInfo } from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { createRequest, notUpdatable } from './consumers';
import { changeTexts, constantDifferences } from './durable-config';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { describeDurable } from './foreign-durable';
import { markOf, ownershipOf, type Ownership } from './ownership';

/** A durable on the server, as its adoption by a deployment finds it. */
export interface DurableAdoption {
  readonly stream: string;
  readonly durable: string;
  /** Filter, position and settings, in words. */
  readonly description: string;
  /** Who manages it now. */
  readonly owner: Ownership;
  /** Settings that the next start corrects, such as `max_deliver: 3 → -1`, beside those that the handler decides. */
  readonly changes: readonly string[];
}

/**
 * Shows how a durable would change when the deployment adopts it. Changes nothing.
 * @throws JetplugError `JP_NOT_FOUND`, or `JP_CONSUMER_NOT_UPDATABLE` where no host could use it
 */
export async function durableAdoption(
  connection: Connection,
  stream: string,
  durable: string,
  deployment: string,
): Promise<DurableAdoption> {
  const info = await infoOf(connection, stream, durable);
  const { fixed, correctable } = constantDifferences({ ...info.config });
  if (fixed.length > 0) throw notUpdatable({ stream, durable }, fixed);
  return {
    stream,
    durable,
    description: describeDurable(info),
    owner: ownershipOf(info.config.metadata, deployment),
    changes: changeTexts(correctable),
  };
}

/** Marks a durable as the deployment's. The next start of a host brings it to its handler's settings. */
export async function adoptDurable(
  connection: Connection,
  stream: string,
  durable: string,
  deployment: string,
): Promise<DurableAdoption> {
  const adoption = await durableAdoption(connection, stream, durable, deployment);
  if (adoption.owner.kind === 'ours') return adoption;
  const { config } = await infoOf(connection, stream, durable);
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

async function infoOf(connection: Connection, stream: string, durable: string): Promise<ConsumerInfo> {
  try {
    return await connection.requests.askApi<ConsumerInfo>(`CONSUMER.INFO.${stream}.${durable}`);
  } catch (error) {
    const code = apiErrorCode(error);
    if (code === API_ERROR.consumerNotFound || code === API_ERROR.streamNotFound) {
      throw new JetplugError('JP_NOT_FOUND', `there is no durable ${durable} on stream ${stream}`, { cause: error });
    }
    throw asBrokerError(error, `durable ${durable} on stream ${stream}`);
  }
}
