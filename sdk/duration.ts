import { JetplugError } from './errors';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/**
 * A length of time with its unit: `'250ms'`, `'30s'`, `'2m'`, `'1.5h'`, `'7d'`. From a number: `` `${seconds}s` ``.
 */
export type Duration = `${number}${Unit}` | `${number} ${Unit}`;

const MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds of a {@link Duration}, or of a number of milliseconds; `undefined` for any other value. */
export function parseDuration(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? millisecondsOf(value) : value;
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

/**
 * The milliseconds of a {@link Duration}, or of a number of milliseconds.
 * @param what the name of the value in the error's message
 * @throws JetplugError `JP_DURATION_INVALID` if the value is not a duration
 */
export function durationMs(value: unknown, what: string): number {
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  throw new JetplugError('JP_DURATION_INVALID', `${what} is ${JSON.stringify(value)}, which is not a length of time`);
}

/** A length of time as text, in the largest unit of which it is a whole number: `90s`, `2m`. */
export function formatDuration(ms: number): string {
  const [unit, size] = Object.entries(MS).findLast(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

function millisecondsOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * (MS[match[2]!] ?? NaN)) : NaN;
}
