/**
 * Whether a value carries a mark of this package. A plugin may have a copy of the package of its own, so its class
 * tells nothing. Never throws: an author may have thrown a Proxy that throws when it is read.
 */
export function hasMark(value: unknown, mark: symbol): boolean {
  try {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[mark] === true;
  } catch {
    return false; // a Proxy that refuses, or was revoked
  }
}
