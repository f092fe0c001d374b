import { durationMs, formatDuration, JetplugError, type RateOptions, type SubscribeOptions } from '../../sdk/internal';
import type { RatePolicy } from '../message/handler';
import { assertKnown, parseCount, refuseBareNumber } from './handler-options';

/** The host keeps a time for each of them. */
const MOST_EVENTS = 1_000_000;
/** A host that takes over the handler waits for so long. */
const LONGEST_MS = 3_600_000;

/**
 * Checks the option `rate`.
 * @throws JetplugError `JP_HANDLER_OPTIONS`, `JP_DURATION_INVALID`
 */
export function rateOf({ rate, batch }: SubscribeOptions): RatePolicy | undefined {
  if (rate === undefined) return undefined;
  if (typeof rate !== 'object' || !(rate as object | null)) throw invalid(`rate is ${JSON.stringify(rate)}`);
  assertKnown(rate, RATE_OPTIONS, 'rate.');
  refuseBareNumber(rate.per, 'rate.per');
  const events = parseCount(rate.events, 'rate.events');
  const perMs = durationMs(rate.per, 'rate.per');
  if (events > MOST_EVENTS) throw invalid(`rate.events is ${events}, more than ${MOST_EVENTS.toLocaleString('en')}`);
  if (perMs < 1) throw invalid(`rate.per is ${rate.per}`);
  if (perMs > LONGEST_MS) {
    const longest = formatDuration(LONGEST_MS);
    throw invalid(
      `rate.per is ${rate.per}; it is at most ${longest}, because a host that takes over waits for so long`,
    );
  }
  if (batch && batch.size > events) {
    throw invalid(`batch.size is ${batch.size}, more than the ${events} events of rate, so no full batch could begin`);
  }
  return { events, perMs };
}

const RATE_OPTIONS = ['events', 'per'] satisfies (keyof RateOptions)[];

function invalid(what: string): JetplugError {
  return new JetplugError('JP_HANDLER_OPTIONS', `${what}; write rate as { events: 100, per: '1s' }`);
}
