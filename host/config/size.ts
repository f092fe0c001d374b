const UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/**
 * Returns the bytes of a size as people write it: `512 KiB`, `10 GiB`, `1.5MB`, or a plain number of bytes; `undefined`
 * for any other value. KiB, MiB, GiB and TiB are powers of 1,024; kB, MB, GB and TB of 1,000.
 */
export function parseSize(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]i?b|b)?$/i.exec(text.trim());
  if (!match) return undefined;
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? 'b').toLowerCase()] ?? NaN);
  // A fraction is allowed with a larger unit, such as MB, but not with bytes.
  const whole = match[2] && match[2].length > 1 ? Math.round(bytes) : bytes;
  return Number.isSafeInteger(whole) ? whole : undefined;
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A number of bytes in its largest unit, rounded to a tenth. */
export function formatSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(BINARY.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${BINARY[power]}`;
}
