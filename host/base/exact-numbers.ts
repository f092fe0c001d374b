import { JetplugError } from '../../sdk/internal';
import { endOfString } from './json-text';

/** A number in a JSON text that a JavaScript number cannot hold exactly. */
export interface InexactNumber {
  /** Keys and indexes, joined by dots; empty if the number is the whole text. */
  readonly path: string;
  /** The number as written. */
  readonly literal: string;
}

const QUOTE = 34;
/** Any decimal with up to this many significant digits is exact as a JavaScript number. */
const SAFE_DIGITS = 15;

/**
 * Finds the first number that changes when the text is parsed: `JSON.stringify` of the parsed value denotes another
 * decimal. `0.1`, `1.0` and `1e2` are exact; `9007199254740993` and `1e400` are not.
 *
 * The search runs for every event, so it examines only long runs of digits and exponents closely.
 *
 * @param json valid JSON
 */
export function findInexactNumber(json: string): InexactNumber | undefined {
  let digits = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(json, at);
      digits = 0;
    } else if (isDigit(code)) {
      if (++digits <= SAFE_DIGITS) continue;
      const literal = numberAround(json, at);
      if (!isExactDecimal(literal.text)) return { path: pathAt(json, literal.start), literal: literal.text };
      at = literal.end - 1;
      digits = 0;
    } else if (code !== 46) {
      if (digits > 0 && (code === 101 || code === 69) && !hasShortExponent(json, at)) {
        const literal = numberAround(json, at);
        if (!isExactDecimal(literal.text)) return { path: pathAt(json, literal.start), literal: literal.text };
        at = literal.end - 1;
      }
      digits = 0;
    }
  }
  return undefined;
}

/**
 * Refuses a text with a number that changes when it is parsed.
 * @throws JetplugError `JP_NUMBER_INEXACT`
 */
export function refuseInexact(json: string, what: string): void {
  const inexact = findInexactNumber(json);
  if (inexact) throw new JetplugError('JP_NUMBER_INEXACT', `${what}: ${explainInexact(inexact)}`);
}

/** Whether a number written in JSON or YAML (`12`, `-1.5e3`, `+.5`) equals the JavaScript number that it parses to. */
export function isExactDecimal(literal: string): boolean {
  const value = Number(literal);
  const size = Math.abs(value);
  // A decimal of at most 15 digits is exact unless its exponent is near the limits.
  if (literal.length <= SAFE_DIGITS && size > 1e-300 && size < 1e300) return true;
  // Most programs write numbers as JavaScript does.
  if (String(value) === literal) return Number.isFinite(value);
  return Number.isFinite(value) && normal(literal) === normal(String(value));
}

/** Explains an inexact number to the author of the text. */
export function explainInexact({ path, literal }: InexactNumber): string {
  const value = JSON.stringify(Number(literal));
  const becomes = value === 'null' ? 'too large for a number' : `rounded to ${value}`;
  const where = path === '' ? 'the number' : `${shorten(path, 100)}:`;
  return `${where} ${shorten(literal, 40)} would be ${becomes}; write it as a string, in quotes`;
}

/** Whether the exponent has at most two digits. With such an exponent, any number of up to 15 digits is exact. */
function hasShortExponent(json: string, at: number): boolean {
  const sign = json.charCodeAt(at + 1);
  const first = sign === 43 || sign === 45 ? at + 2 : at + 1;
  const third = json.charCodeAt(first + 2);
  return !isDigit(json.charCodeAt(first + 1)) || !isDigit(third);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The number at an offset. */
function numberAround(json: string, at: number): { start: number; end: number; text: string } {
  let start = at;
  while (start > 0 && isOfNumber(json.charCodeAt(start - 1))) start--;
  let end = at + 1;
  while (end < json.length && isOfNumber(json.charCodeAt(end))) end++;
  return { start, end, text: json.slice(start, end) };
}

/** Whether a character may be part of a number. In JSON none of these characters follows or precedes a number. */
function isOfNumber(code: number): boolean {
  return isDigit(code) || code === 45 || code === 46 || code === 43 || code === 101 || code === 69;
}

/** The keys and indexes that lead to an offset. */
function pathAt(json: string, place: number): string {
  const path: (string | number)[] = [];
  for (let at = 0; at < place; at++) {
    const last = path.length - 1;
    switch (json.charAt(at)) {
      case '{':
        path.push('');
        break;
      case '[':
        path.push(0);
        break;
      case '}':
      case ']':
        path.pop();
        break;
      case ',':
        if (typeof path[last] === 'number') path[last]++;
        break;
      case '"': {
        const end = endOfString(json, at);
        // The last string before a value in an object is its key. A string that is a value itself is overwritten later.
        if (typeof path[last] === 'string') path[last] = json.slice(at, end + 1);
        at = end;
      }
    }
  }
  return path.map((key) => (typeof key === 'number' ? key : (JSON.parse(key) as string))).join('.');
}

/** Returns a decimal in a normal form, with sign, significant digits and exponent. */
function normal(literal: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(
    literal,
  )!;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = withoutLastZeros(digits);
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign === '-' ? '-' : ''}${significant}e${power}`;
}

/**
 * Removes the zeros at the end. This is a loop, because a regular expression anchored at the end would start again at
 * every zero.
 */
function withoutLastZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  return digits.slice(0, end);
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
