const NANOSECONDS: ReadonlySet<string> = new Set([
  'ack_wait',
  'backoff',
  'max_expires',
  'inactive_threshold',
  'priority_timeout',
  'idle_heartbeat',
]);

/** Returns a value of the server's config as readable text, with durations in seconds. */
export function settingText(field: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((one) => settingText(field, one)).join(', ');
  if (NANOSECONDS.has(field) && typeof value === 'number') return `${value / 1e9} s`;
  return value === '' ? 'none' : String(value);
}
