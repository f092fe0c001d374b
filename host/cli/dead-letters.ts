import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { DeadLetterStream } from '../nats/dead-letter-stream';
import { isOurs } from '../nats/stream-comparison';
import { deadLetterStream, RECORDS_BUCKET } from '../nats/wanted-streams';
import { summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import { KvLongTexts, type LongTexts } from '../records/long-texts';
import { withBroker, type CommonFlags } from './common';

/** The services of the `dead` commands while they are connected. */
export interface LetterServices {
  readonly stream: DeadLetterStream;
  readonly connection: Connection;
  readonly config: Config;
  /** The stored lists of applied updates that are too long for a header of their event. */
  readonly texts: LongTexts;
}

/**
 * Connects to the broker for the time of `work`.
 * @throws JetplugError where the stream that the config names for dead letters belongs to somebody else. Its messages
 * are then not dead letters, so `dead drop` must not remove them.
 */
export function withLetters<T>(flags: CommonFlags, work: (services: LetterServices) => Promise<T>): Promise<T> {
  return withBroker(flags, async (connection, { config }) => {
    await isOurs(connection, deadLetterStream(config), config.deploy);
    const texts = new KvLongTexts(Bucket.at(connection, RECORDS_BUCKET), (message, details) => {
      throw new JetplugError('JP_STORE_UNAVAILABLE', message, { cause: details });
    });
    const stream = new DeadLetterStream(connection, config.deadLetters.stream, texts);
    return work({ stream, connection, config, texts });
  });
}

export async function summaries(stream: DeadLetterStream): Promise<DeadLetterSummary[]> {
  const all: DeadLetterSummary[] = [];
  for await (const letter of stream.list()) all.push(summarise(letter));
  return all;
}
