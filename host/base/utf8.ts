import { isAscii } from 'node:buffer';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Bytes as UTF-8 text, from a place on. Most are ASCII, and as such read in less time.
 * @throws TypeError where they are none
 */
export function utf8(bytes: Uint8Array, from = 0): string {
  if (Buffer.isBuffer(bytes) && isAscii(bytes)) return bytes.toString('latin1', from);
  return UTF8.decode(bytes.subarray(from));
}

/** Cuts a text to so many characters, and says so. Unlike a slice, it does not keep the whole text in memory. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${Buffer.from(text.slice(0, max)).toString()}… (${text.length} characters)`;
}

/** The first line of a text for a table on a terminal: a control character would move its cursor or colour it. */
export function firstLine(text: string, max: number): string {
  return text
    .split('\n')[0]!
    .replace(/\p{Cc}/gu, ' ')
    .trimEnd()
    .slice(0, max);
}
