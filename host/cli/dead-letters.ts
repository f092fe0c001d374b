import type { Config } from '../config/config';
import { findLetters, type LetterServices } from '../ops/letters/letter-services';
import { withBroker, type CommonFlags } from './common';

/**
 * Connects to the broker for the time of `work`.
 * @throws JetplugError where the stream that the config names for dead letters belongs to somebody else
 */
export function withLetters<T>(
  flags: CommonFlags,
  work: (services: LetterServices, config: Config) => Promise<T>,
): Promise<T> {
  return withBroker(flags, async (connection, { config }) => work(await findLetters(connection, config), config));
}
