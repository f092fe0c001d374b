import { durationMs, formatDuration, type Start } from '../../sdk/internal';
import type { IgnoredFrom } from '../broker/durable';
import type { ConsumerInfo } from './client';

/** The metadata entry with the option `from` that a durable was created with, as text. */
const FROM = 'jetplug.from';

/** Returns the metadata that records where a new durable starts. */
export function fromRecord(from: Start): Record<string, string> {
  return { [FROM]: fromText(from) };
}

/**
 * Returns where a durable has started, if the handler asks for another start now, which has no effect; undefined if
 * both are the same, or the durable does not record it.
 */
export function ignoredFrom(from: Start, { config, created }: ConsumerInfo): IgnoredFrom | undefined {
  const started = config.metadata?.[FROM];
  const asked = fromText(from);
  return started === undefined || started === asked ? undefined : { asked, started, created };
}

/** Returns the option `from` as text, such as `since 7d`. */
function fromText(from: Start): string {
  if (typeof from === 'string') return from;
  return 'since' in from
    ? `since ${formatDuration(durationMs(from.since, 'from.since'))}`
    : `sequence ${from.sequence}`;
}
