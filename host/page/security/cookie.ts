const NAME = 'jetplug_token';

/** Returns the token in a Cookie header. */
export function tokenInCookie(header: string | undefined): string | undefined {
  const value = header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${NAME}=`))
    ?.slice(NAME.length + 1);
  if (!value) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    // The value was not written by the page. As a token it is wrong.
    return value;
  }
}

/** Returns the Set-Cookie header that keeps a token until the browser ends. */
export function cookieOf(token: string, { isSecure }: { readonly isSecure: boolean }): string {
  return `${NAME}=${encodeURIComponent(token)}; Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** The Set-Cookie header that forgets the token. */
export const NO_COOKIE = `${NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
