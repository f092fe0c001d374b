import { textOf } from '../text';

/** The version, a line for each header, an empty line. */
const HEADER_BLOCK = /^NATS\/1\.0[^\r\n]*\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n$/;
const END_OF_LINE = '\r\n';
const TEXT = new TextDecoder();

/** Its instances inherit nothing, as `__proto__` is a name like others; those of `Object.create(null)` are slow to fill. */
class HeaderValues {
  [name: string]: string;
}
Object.setPrototypeOf(HeaderValues.prototype, null);
Reflect.deleteProperty(HeaderValues.prototype, 'constructor');

/**
 * A message's headers as they were sent, of which most are never asked for. Read by hand: the client
 * passes over lines that are no headers, and takes three times as long.
 */
export class HeaderBlock {
  private readonly text: string;

  /** @throws Error where it is malformed */
  constructor(bytes: Uint8Array) {
    this.text = textOf(bytes, TEXT);
    if (!HEADER_BLOCK.test(this.text)) {
      throw new Error(`the header block is ${JSON.stringify(this.text.slice(0, 100))}`);
    }
  }

  /** By its name in lower case, however it is written; the last one that has it. */
  get(lowerName: string): string | undefined {
    const { length } = lowerName;
    let value: string | undefined;
    this.forEach((name, colon, end) => {
      if (colon - name !== length || this.text.slice(name, colon).toLowerCase() !== lowerName) return;
      value = this.valueBetween(colon, end);
    });
    return value;
  }

  /** By name as sent; of those that are sent twice the last value. */
  all(): Readonly<Record<string, string>> {
    const values = new HeaderValues();
    this.forEach((name, colon, end) => {
      values[this.text.slice(name, colon)] = this.valueBetween(colon, end);
    });
    return values;
  }

  /** Where each begins, where its name ends and where its line does. */
  private forEach(line: (name: number, colon: number, end: number) => void): void {
    const { text } = this;
    let at = text.indexOf(END_OF_LINE) + END_OF_LINE.length;
    for (let end = text.indexOf(END_OF_LINE, at); end > at; end = text.indexOf(END_OF_LINE, at)) {
      line(at, text.indexOf(':', at), end);
      at = end + END_OF_LINE.length;
    }
  }

  private valueBetween(colon: number, end: number): string {
    return this.text.slice(colon + 1, end).trim();
  }
}
