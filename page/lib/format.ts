const GROUPED = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** A count: exact below 100,000, and in thousands or millions above. */
export function count(value: number): string {
  return value < 100_000 ? GROUPED.format(Math.round(value)) : COMPACT.format(value);
}

/** A rate in events per second, with as many digits as a reader needs. */
export function rate(perS: number): string {
  if (perS === 0) return '0/s';
  if (perS < 0.1) return '<0.1/s';
  return `${perS < 10 ? String(Math.round(perS * 10) / 10) : count(perS)}/s`;
}

/** A duration in the largest unit that tells enough. */
export function duration(ms: number): string {
  if (ms < 1) return ms <= 0 ? '0 ms' : '<1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 60) return `${Math.floor(minutes)} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 >= 1 && hours < 10 ? `${hours} h ${Math.floor(minutes % 60)} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

/** How long ago a time was. */
export function ago(time: string | number, nowMs: number): string {
  const ms = nowMs - new Date(time).getTime();
  if (Number.isNaN(ms)) return String(time);
  if (ms < -1000) return `in ${duration(-ms)}`;
  if (ms < 2000) return 'just now';
  // Whole hours are enough here: the title has the exact time.
  const unitMs = ms < 3_600_000 ? 1000 : 3_600_000;
  return `${duration(Math.floor(ms / unitMs) * unitMs)} ago`;
}

/** A time with date, hours, minutes and seconds, in the zone of the reader. */
export function exactTime(time: string | number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : EXACT.format(date);
}

export function plural(value: number, word: string, many = `${word}s`): string {
  return `${count(value)} ${value === 1 ? word : many}`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 ** 2 ? `${Math.round(value / 1024)} KiB` : `${Math.round(value / 1024 ** 2)} MiB`;
}

/** The last two parts of a path, which are enough to recognise a file. */
export function shortPath(file: string): string {
  return file.split('/').slice(-2).join('/');
}
