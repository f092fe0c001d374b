/** The value of a header by its name in lower case, however it is written; the last one that has it. */
export function headerIn(headers: Readonly<Record<string, string>>, lowerName: string): string | undefined {
  let value: string | undefined;
  for (const name in headers) {
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) value = headers[name];
  }
  return value;
}
