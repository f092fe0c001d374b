const QUOTE = 34;
const BACKSLASH = 92;

/** The offset of the quote that closes the string at `start`. */
export function endOfString(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    if (json.charCodeAt(at - 1) !== BACKSLASH) return at;
    let before = at;
    while (json.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at;
  }
  return json.length;
}

/**
 * Lays out a JSON text as `JSON.stringify` does with this indent. Keys, strings and numbers keep their written form.
 *
 * @param json valid JSON
 */
export function layOut(json: string, indent = 0): string {
  let laid = '';
  let depth = 0;
  const newLine = (): string => (indent > 0 ? `\n${' '.repeat(indent * depth)}` : '');
  for (let at = 0; at < json.length; at++) {
    const char = json[at]!;
    switch (char) {
      case ' ':
      case '\t':
      case '\n':
      case '\r':
        break;
      case '{':
      case '[':
        depth++;
        laid += char;
        if (!isEmptyAfter(json, at)) laid += newLine();
        break;
      case '}':
      case ']':
        depth--;
        if (!/[{[]$/.test(laid)) laid += newLine();
        laid += char;
        break;
      case ',':
        laid += char + newLine();
        break;
      case ':':
        laid += indent > 0 ? ': ' : ':';
        break;
      default: {
        const end = json.charCodeAt(at) === QUOTE ? endOfString(json, at) + 1 : endOfWord(json, at);
        laid += json.slice(at, end);
        at = end - 1;
      }
    }
  }
  return laid;
}

function isEmptyAfter(json: string, at: number): boolean {
  let next = at + 1;
  while (/\s/.test(json.charAt(next))) next++;
  return json[next] === '}' || json[next] === ']';
}

/** The offset after a number, `true`, `false` or `null`. */
function endOfWord(json: string, start: number): number {
  let at = start;
  while (at < json.length && /[\w.+-]/.test(json[at]!)) at++;
  return Math.max(at, start + 1);
}
