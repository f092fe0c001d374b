/** All values of the headers that were sent several times, by name as sent, in order. */
export type RepeatedHeaders = Readonly<Record<string, readonly string[]>>;

/** The headers of a message: the last value of each, and all values of those that were sent several times. */
export interface AllHeaders {
  readonly headers: Readonly<Record<string, string>>;
  readonly repeated?: RepeatedHeaders | undefined;
}

/** Returns the headers under new names, without those for which `rename` returns undefined. */
export function renameHeaders(
  { headers, repeated = {} }: AllHeaders,
  rename: (name: string) => string | undefined,
): { headers: Record<string, string>; repeated?: RepeatedHeaders } {
  const renamed = <T>(values: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => {
        const next = rename(name);
        return next === undefined ? [] : [[next, value]];
      }),
    );
  const several = renamed(repeated);
  return { headers: renamed(headers), ...(Object.keys(several).length > 0 && { repeated: several }) };
}

/** Returns the number of bytes that the headers take in a message. */
export function headerBytes({ headers, repeated = {} }: AllHeaders): number {
  let bytes = 0;
  for (const [name, last] of Object.entries(headers)) {
    const values = Object.hasOwn(repeated, name) ? repeated[name]! : [last];
    for (const value of values) bytes += name.length + Buffer.byteLength(value) + 4;
  }
  return bytes;
}

/** Returns the last value of a header by its lower-case name, whatever case the message uses. */
export function headerIn(headers: Readonly<Record<string, string>>, lowerName: string): string | undefined {
  let value: string | undefined;
  for (const name in headers) {
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) value = headers[name];
  }
  return value;
}
