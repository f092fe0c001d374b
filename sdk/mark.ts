/**
 * Whether a value has a mark of this package. `instanceof` does not work, because a plugin may have its own copy of the
 * package. Never throws, even for a Proxy that throws when it is read.
 */
export function hasMark(value: unknown, mark: symbol): boolean {
  try {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[mark] === true;
  } catch {
    return false; // a Proxy that refuses, or was revoked
  }
}
