import { JetplugError, parseDuration } from '../../sdk/internal';

/**
 * Reads a time: an ISO time, or a duration back from now, such as `2h`.
 * @returns milliseconds since 1970
 * @throws JetplugError `JP_USAGE`
 */
export function parseTime(text: string): number {
  const ago = parseDuration(text);
  const time = ago === undefined ? Date.parse(text) : Date.now() - ago;
  if (!Number.isNaN(time)) return time;
  throw new JetplugError('JP_USAGE', `${JSON.stringify(text)} is neither an ISO time nor a duration`, {
    hint: 'Write a time such as 2026-05-12T19:00:00Z, or how long ago, such as 2h.',
  });
}
