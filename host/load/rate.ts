import { durationMs, formatDuration, JetplugError, type HandlerMark, type RateOptions } from '../../sdk/internal';
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
export function rateOf({ options: { rate, batch }, method }: HandlerMark): RatePolicy | undefined {
  if (rate === undefined) return undefined;
  const name = `${method}: rate`;
  if (typeof rate !== 'object' || !(rate as object | null))
    throw invalid(`${name} is ${JSON.stringify(rate)}; ${FORM}`);
  assertKnown(rate, RATE_OPTIONS, 'rate.');
  const events = parseCount(rate.events, `${name}.events`);
  if ((rate.per as unknown) === undefined) throw invalid(`${name}.per is missing; ${FORM}`);
  refuseBareNumber(rate.per, `${name}.per`);
  const perMs = durationMs(rate.per, `${name}.per`);
  if (events > MOST_EVENTS) {
    throw invalid(`${name}.events is ${events}; it is at most ${MOST_EVENTS.toLocaleString('en')}`);
  }
  if (perMs < 1) throw invalid(`${name}.per is ${rate.per}; it is at least 1ms`);
  if (perMs > LONGEST_MS) {
    const longest = formatDuration(LONGEST_MS);
    throw invalid(
      `${name}.per is ${rate.per}; it is at most ${longest}, because a host that takes over waits for one per first`,
    );
  }
  if (batch && batch.size > events) {
    const what = `${method}: batch.size is ${batch.size}, more than the ${events} events of rate`;
    throw invalid(`${what}, so no full batch could begin`, 'Lower batch.size, or raise rate.events.');
  }
  return { events, perMs };
}

const RATE_OPTIONS = ['events', 'per'] satisfies (keyof RateOptions)[];
const FORM = "write rate as { events: 100, per: '1s' }";

function invalid(message: string, hint?: string): JetplugError {
  return new JetplugError('JP_HANDLER_OPTIONS', message, { hint });
}
