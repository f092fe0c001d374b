import { isAscii } from 'node:buffer';
import type { TextDecoder } from 'node:util';

/**
 * Bytes as text. Most are ASCII, and as such read in less time than as UTF-8.
 * @param decoder for what is not
 */
export function textOf(bytes: Uint8Array, decoder: TextDecoder): string {
  if (!isAscii(bytes)) return decoder.decode(bytes);
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)).toString('latin1');
}
