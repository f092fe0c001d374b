import { JetplugError } from './errors';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/**
 * A length of time: a number of milliseconds, or text as people write it: `'250ms'`, `'30s'`,
 * `'2m'`, `'1.5h'`, `'7d'`.
 */
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}`;

const MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds of a {@link Duration}, or `undefined` where the text is not one. */
export function parseDuration(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? millisecondsOf(value) : value;
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

/**
 * The milliseconds of a {@link Duration}.
 * @throws JetplugError `JP_DURATION_INVALID` when the text is not a duration.
 */
export function durationMs(value: unknown, what: string): number {
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  throw new JetplugError('JP_DURATION_INVALID', `${what} is ${JSON.stringify(value)}, which is not a length of time`);
}

/** A length of time as people write it, in the largest unit that divides it: `90s`, `2m`. */
export function formatDuration(ms: number): string {
  const [unit, size] = Object.entries(MS).findLast(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

function millisecondsOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * (MS[match[2]!] ?? NaN)) : NaN;
}
