import { JetplugError } from '../../sdk/internal';

/**
 * Turns any string into a key that NATS accepts. Letters, digits, `_`, `/`, `-` and single inner dots stand for
 * themselves, every other byte is `=XX`. A key of a scope is `<scope>=.<key>`. An escaped key never holds `=.`, so no
 * two strings get the same key.
 */
export function escapeKey(key: string, scope?: string): string {
  if (typeof key !== 'string' || key === '' || Buffer.byteLength(key) > MAX_BYTES || !key.isWellFormed()) {
    throw new JetplugError(
      'JP_STORE_KEY_INVALID',
      `a store key must be a string of 1–${MAX_BYTES} bytes; got ${show(key)}`,
    );
  }
  const escaped = key.replace(/^\.|\.$|\.(?=\.)|[^\w/.-]/gu, escapeChar);
  return scope === undefined ? escaped : `${scope}${SCOPE_MARK}${escaped}`;
}

/** The inverse of {@link escapeKey}. */
export function unescapeKey(escaped: string): { scope?: string; key: string } {
  const mark = escaped.indexOf(SCOPE_MARK);
  const body = mark < 0 ? escaped : escaped.slice(mark + SCOPE_MARK.length);
  const bytes = body.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  const key = Buffer.from(bytes, 'latin1').toString('utf8');
  return mark < 0 ? { key } : { scope: escaped.slice(0, mark), key };
}

const MAX_BYTES = 512;
const SCOPE_MARK = '=.';

/**
 * Refuses an invalid name of a scope, and returns a valid one.
 * @throws JetplugError `JP_STORE_KEY_INVALID`
 */
export function assertScope(name: string): string {
  if (/^[a-z0-9-]{1,64}$/.test(name)) return name;
  throw new JetplugError('JP_STORE_KEY_INVALID', `a store scope is a name of a–z, 0–9 and dashes; got ${show(name)}`);
}

function escapeChar(char: string): string {
  return [...Buffer.from(char)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text;
}
