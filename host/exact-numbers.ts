import { JetplugError } from '../sdk/internal';
import { endOfString } from './json-text';

/** A number of a JSON text that no JavaScript number equals. */
export interface InexactNumber {
  /** Where it is: keys and indexes, joined by dots; empty where the number is the whole text. */
  readonly path: string;
  /** As it is written. */
  readonly literal: string;
}

const QUOTE = 34;
/** A decimal of so many significant digits survives the way through a JavaScript number and back. */
const SAFE_DIGITS = 15;

/**
 * Finds the first number that changes when the text is parsed: `JSON.stringify` of the parsed value denotes another
 * decimal. `0.1`, `1.0` and `1e2` are exact; `9007199254740993` and `1e400` are not.
 *
 * @param json a text that `JSON.parse` takes
 */
export function findInexactNumber(json: string): InexactNumber | undefined {
  return mayBeInexact(json) ? new Search(json).run() : undefined;
}

/** @throws JetplugError `JP_NUMBER_INEXACT` when a number of the text changes when it is parsed */
export function refuseInexact(json: string, what: string): void {
  const inexact = findInexactNumber(json);
  if (inexact) throw new JetplugError('JP_NUMBER_INEXACT', `${what}: ${explainInexact(inexact)}`);
}

/** Whether a number as written in JSON or YAML (`12`, `-1.5e3`, `+.5`) is the value that it parses to. */
export function isExactDecimal(literal: string): boolean {
  const value = Number(literal);
  return Number.isFinite(value) && normal(literal) === normal(String(value));
}

/** What an author is told of such a number. */
export function explainInexact({ path, literal }: InexactNumber): string {
  const value = JSON.stringify(Number(literal));
  const becomes = value === 'null' ? 'too large for a number' : `rounded to ${value}`;
  const where = path === '' ? 'the number' : `${shorten(path, 100)}:`;
  return `${where} ${shorten(literal, 40)} would be ${becomes}; write it as a string, in quotes`;
}

/** A quick look, since every event with a number in it is looked at: long runs of digits and exponents, outside of strings. */
function mayBeInexact(json: string): boolean {
  let digits = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at);
    else if (code >= 48 && code <= 57) {
      if (++digits > SAFE_DIGITS) return true;
    } else if (code !== 46) {
      if (digits > 0 && (code === 101 || code === 69)) return true;
      digits = 0;
    }
  }
  return false;
}

/** Walks the text, and knows where it is. */
class Search {
  private at = 0;
  /** Of each object and array around the place: the key, or the index. */
  private readonly path: (string | number)[] = [];

  constructor(private readonly json: string) {}

  run(): InexactNumber | undefined {
    const { json, path } = this;
    for (; this.at < json.length; this.at++) {
      switch (json[this.at]) {
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
        case ',': {
          const last = path.at(-1);
          if (typeof last === 'number') path[path.length - 1] = last + 1;
          break;
        }
        case '"':
          this.string();
          break;
        default: {
          const literal = this.number();
          if (literal !== undefined && !isExactDecimal(literal)) return { path: path.join('.'), literal };
        }
      }
    }
    return undefined;
  }

  /** Goes to its last character; where it is a key, the path is that of its value from there on. */
  private string(): void {
    const { json, path } = this;
    const start = this.at;
    this.at = endOfString(json, start);
    if (typeof path.at(-1) === 'string' && /^\s*:/.test(json.slice(this.at + 1, this.at + 100))) {
      path[path.length - 1] = JSON.parse(json.slice(start, this.at + 1)) as string;
    }
  }

  /** Goes to the last character of the number that begins here, if one does. */
  private number(): string | undefined {
    NUMBER.lastIndex = this.at;
    const literal = NUMBER.exec(this.json)?.[0];
    if (literal !== undefined) this.at += literal.length - 1;
    return literal;
  }
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** A decimal as sign, significant digits and exponent: the same for all ways of writing it. */
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

/** By hand: a pattern that ends at the end is tried from every zero on. */
function withoutLastZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  return digits.slice(0, end);
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
