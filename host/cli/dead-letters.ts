import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { DeadLetterStream } from '../nats/dead-letter-stream';
import { isOurs } from '../nats/stream-comparison';
import { deadLetterStream } from '../nats/wanted-streams';
import { summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import { withBroker, type CommonFlags } from './common';

/** The services of the `dead` commands while they are connected. */
export interface LetterServices {
  readonly stream: DeadLetterStream;
  readonly connection: Connection;
  readonly config: Config;
}

/**
 * Connects to the broker for the time of `work`.
 * @throws JetplugError where the stream that the config names for dead letters belongs to somebody else. Its messages
 * are then not dead letters, so `dead drop` must not remove them.
 */
export function withLetters<T>(flags: CommonFlags, work: (services: LetterServices) => Promise<T>): Promise<T> {
  return withBroker(flags, async (connection, { config }) => {
    await isOurs(connection, deadLetterStream(config), config.deploy);
    const stream = new DeadLetterStream(connection, config.deadLetters.stream);
    return work({ stream, connection, config });
  });
}

export async function summaries(stream: DeadLetterStream): Promise<DeadLetterSummary[]> {
  const all: DeadLetterSummary[] = [];
  for await (const letter of stream.list()) all.push(summarise(letter));
  return all;
}
