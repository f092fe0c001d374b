import { formatDuration } from '../../sdk/internal';

/** Words and abbreviations of units of time, and their milliseconds. */
const TIME_UNITS: readonly [RegExp, number][] = [
  [/^(?:ms|msecs?|millis|milliseconds?)$/, 1],
  [/^(?:s|secs?|seconds?)$/, 1_000],
  [/^(?:m|mins?|minutes?)$/, 60_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000],
  [/^(?:d|days?)$/, 86_400_000],
  [/^(?:w|wks?|weeks?)$/, 7 * 86_400_000],
];

const PART = /(\d+(?:\.\d+)?) ?([a-z]+)/g;

/** Returns a length of time as the config takes it, if the text has it in other words: `2 minutes`, `1h30m`, `1w`. */
export function meantDuration(text: string): string | undefined {
  const plain = text.trim().toLowerCase();
  if (!/^(?:\d+(?:\.\d+)? ?[a-z]+ ?)+$/.test(plain)) return undefined;
  const parts = [...plain.matchAll(PART)].map(([, count, unit]) => {
    const known = TIME_UNITS.find(([words]) => words.test(unit!));
    return known ? Number(count) * known[1] : NaN;
  });
  const ms = parts.reduce((sum, part) => sum + part, 0);
  return Number.isNaN(ms) ? undefined : formatDuration(Math.round(ms));
}

/** Returns a size as the config takes it, if the text has it with another unit: `10G`, `512 bytes`. */
export function meantSize(text: string): string | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?) *(?:([kmgt])(?:i|ib|b|bytes)?|bytes?)$/i.exec(text.trim()) ?? [];
  if (count === undefined) return undefined;
  return unit === undefined ? count : `${count} ${unit.toUpperCase()}iB`;
}

/** Returns the choice that a text in other letters or with another ending means: `Warning` means `warn`. */
export function meantChoice(text: string, choices: readonly string[]): string | undefined {
  const plain = text.trim().toLowerCase();
  const meant = choices.filter((choice) => plain !== '' && (choice.startsWith(plain) || plain.startsWith(choice)));
  return meant.length === 1 ? meant[0] : undefined;
}
