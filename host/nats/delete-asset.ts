import { isDeepStrictEqual } from 'node:util';
import { JetplugError } from '../../sdk/internal';
import type { ConsumerInfo, StreamInfo } from './client';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { findDurable } from './find-durable';
import { givenMetadata } from './ownership';
import { findStream, isStreamNotFound } from './streams';

/**
 * Deletes a stream with its messages and consumers, if it is still the one that was read. A stream that is gone is no
 * error.
 * @param mayLose whether stored messages may be lost; some may have arrived since the stream was read
 * @param record called just before the deletion
 * @throws JetplugError `JP_PLAN_STALE` where another program has created or changed the stream since, or
 * `JP_PLAN_DATA_LOSS` where it has messages that may not be lost
 */
export async function deleteStream(
  connection: Connection,
  read: StreamInfo,
  mayLose: boolean,
  record: () => Promise<unknown>,
): Promise<void> {
  const { name } = read.config;
  const now = await findStream(connection, name);
  if (!now) return;
  assertSame(`stream ${name}`, read, now);
  if (now.state.messages > 0 && !mayLose) {
    throw new JetplugError('JP_PLAN_DATA_LOSS', `stream ${name} has ${now.state.messages} messages now`);
  }
  await record();
  await request(connection, `STREAM.DELETE.${name}`, `stream ${name}`, API_ERROR.streamNotFound);
}

/**
 * Deletes a durable, if it is still the one that was read. A durable that is gone is no error.
 * @throws JetplugError `JP_PLAN_STALE` where another program has created or changed the durable since
 */
export async function deleteDurable(connection: Connection, read: ConsumerInfo): Promise<void> {
  const { stream_name: stream, name } = read;
  const what = `durable ${name} on stream ${stream}`;
  const now = await findDurable(connection, stream, name).catch((error: unknown) => {
    if (isStreamNotFound(error)) return undefined;
    throw error;
  });
  if (!now) return;
  assertSame(what, read, now);
  await request(connection, `CONSUMER.DELETE.${stream}.${name}`, what, API_ERROR.consumerNotFound);
}

interface Asset {
  readonly created: string;
  readonly config: { readonly metadata?: Record<string, string> };
}

/** The mark of the owner is in the metadata, so an asset that got another owner is not deleted. */
function assertSame(what: string, read: Asset, now: Asset): void {
  const isSame = now.created === read.created && isDeepStrictEqual(metadataOf(now), metadataOf(read));
  if (!isSame) throw new JetplugError('JP_PLAN_STALE', `${what} was created or marked anew since the plan was made`);
}

function metadataOf({ config }: Asset): Record<string, string> {
  return givenMetadata(config.metadata);
}

async function request(connection: Connection, subject: string, what: string, gone: number): Promise<void> {
  try {
    await connection.requests.askApi(subject);
  } catch (error) {
    if (apiErrorCode(error) !== gone) throw asBrokerError(error, what);
  }
}
