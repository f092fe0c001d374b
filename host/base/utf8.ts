import { isAscii } from 'node:buffer';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes UTF-8 bytes from an offset on. Most texts are ASCII, which decodes faster as latin1.
 * @throws TypeError if the bytes are not UTF-8
 */
export function utf8(bytes: Uint8Array, from = 0): string {
  if (Buffer.isBuffer(bytes) && isAscii(bytes)) return bytes.toString('latin1', from);
  return UTF8.decode(bytes.subarray(from));
}

/**
 * Cuts a text to `max` characters, and appends the length of the whole text. Unlike a slice, the result does not keep
 * the whole text in memory.
 */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${Buffer.from(text.slice(0, max)).toString()}… (${text.length} characters)`;
}

/** The first line of a text for a table on a terminal, without control characters, which could move the cursor. */
export function firstLine(text: string, max: number): string {
  return text
    .split('\n')[0]!
    .replace(/\p{Cc}/gu, ' ')
    .trimEnd()
    .slice(0, max);
}

/**
 * A text for a terminal. Line ends and tabs stay; any other control character is replaced, because it could move the
 * cursor or hide text.
 */
export function terminalText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
}
