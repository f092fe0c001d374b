import type { ConsumerInfo } from './client';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';

/**
 * Reads a durable's state and config; undefined if there is no such durable.
 * @throws JetplugError, also if there is no such stream
 */
export async function findDurable(
  connection: Connection,
  stream: string,
  durable: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return await connection.requests.askApi<ConsumerInfo>(`CONSUMER.INFO.${stream}.${durable}`);
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.consumerNotFound) return undefined;
    throw asBrokerError(error, `durable ${durable} on stream ${stream}`);
  }
}
