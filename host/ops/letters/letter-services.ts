import type { Config } from '../../config/config';
import type { Connection } from '../../nats/connection';
import { DeadLetterStream } from '../../nats/dead-letter-stream';
import { isOurs } from '../../nats/stream-comparison';
import { deadLetterStream } from '../../nats/wanted-streams';
import { summarise, type DeadLetterSummary } from '../dead-letter-summary';

/** The services that reading and changing dead letters needs. */
export interface LetterServices {
  readonly stream: DeadLetterStream;
  readonly connection: Connection;
  readonly config: Config;
}

/**
 * Returns the services for the dead letters of the config.
 * @throws JetplugError where the stream that the config names for dead letters belongs to somebody else. Its messages
 * are then not dead letters, so they must not be removed.
 */
export async function findLetters(connection: Connection, config: Config): Promise<LetterServices> {
  await isOurs(connection, deadLetterStream(config), config.deploy);
  return { stream: new DeadLetterStream(connection, config.deadLetters.stream), connection, config };
}

/** Reads the summaries of all letters, the oldest first. */
export async function readSummaries(stream: Pick<DeadLetterStream, 'list'>): Promise<DeadLetterSummary[]> {
  const all: DeadLetterSummary[] = [];
  for await (const letter of stream.list()) all.push(summarise(letter));
  return all;
}
