import { hash } from 'node:crypto';

/** Derives a UUID from a text. Equal texts have equal UUIDs. */
export function derivedUuid(text: string): string {
  const hex = hash('sha256', text);
  // Version 8 of RFC 9562 leaves the other bits to the implementation.
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
