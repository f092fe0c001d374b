import type { RepeatedHeaders } from '../broker/headers';

const VERSION = Buffer.from('NATS/1.0');
const TEXT = new TextDecoder();
const CR = 13;
const LF = 10;
const COLON = 58;
/** The characters of a name lie between these two: printable, and not a colon. */
const SPACE = 32;
const DELETE = 127;

/**
 * An object for header values that inherits nothing, so that `__proto__` is an ordinary name. Objects of
 * `Object.create(null)` are slower to fill.
 */
class HeaderValues {
  [name: string]: string;
}
Object.setPrototypeOf(HeaderValues.prototype, null);
Reflect.deleteProperty(HeaderValues.prototype, 'constructor');

/**
 * A message's header block: the version, a line for each header, an empty line. It is decoded on demand, because most
 * headers are never read. The client does not decode it: it skips malformed lines and takes several times as long as
 * this class.
 */
export class HeaderBlock {
  /** For each header three indexes: the start of its name, the end of its name, the end of its line. */
  private readonly marks: number[] = [];

  /**
   * @param length the size of the block in bytes
   * @throws Error where the block is malformed
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly length: number,
  ) {
    if (!this.read()) throw new Error(`the header block is ${JSON.stringify(this.text(0, length).slice(0, 100))}`);
  }

  /** The number of header lines. */
  get size(): number {
    return this.marks.length / 3;
  }

  /** Returns the last value of a header by its name in lower case; the message may use any case. */
  get(lowerName: string): string | undefined {
    const { marks } = this;
    for (let i = marks.length - 3; i >= 0; i -= 3) {
      const [name, colon] = [marks[i]!, marks[i + 1]!];
      if (colon - name !== lowerName.length) continue;
      if (this.text(name, colon).toLowerCase() === lowerName) return this.valueAt(i);
    }
    return undefined;
  }

  /** Returns the last value of each header, by name as sent. */
  all(): Readonly<Record<string, string>> {
    const values = new HeaderValues();
    const { marks } = this;
    for (let i = 0; i < marks.length; i += 3) values[this.text(marks[i]!, marks[i + 1]!)] = this.valueAt(i);
    return values;
  }

  /** Returns all values of the headers that were sent several times. */
  repeated(): RepeatedHeaders | undefined {
    const { marks } = this;
    const values = new Map<string, string[]>();
    for (let i = 0; i < marks.length; i += 3) {
      const name = this.text(marks[i]!, marks[i + 1]!);
      values.set(name, [...(values.get(name) ?? []), this.valueAt(i)]);
    }
    const several = [...values].filter(([, all]) => all.length > 1);
    return several.length > 0 ? Object.fromEntries(several) : undefined;
  }

  /** Finds the headers. Returns whether the block is well-formed. */
  private read(): boolean {
    const { bytes } = this;
    for (let i = 0; i < VERSION.length; i++) if (bytes[i] !== VERSION[i]) return false;
    let at = this.endOfLine(VERSION.length) + 2;
    while (at >= 2 && bytes[at] !== CR) {
      const name = at;
      while (bytes[at]! > SPACE && bytes[at]! < DELETE && bytes[at] !== COLON) at++;
      if (at === name || bytes[at] !== COLON) return false;
      const end = this.endOfLine(at);
      this.marks.push(name, at, end);
      at = end + 2;
    }
    return at >= 2 && bytes[at + 1] === LF && at + 2 === this.length;
  }

  /** Returns the index of the next line end; -2 if the line does not end with CR LF. */
  private endOfLine(from: number): number {
    const { bytes, length } = this;
    let at = from;
    while (at < length && bytes[at] !== CR && bytes[at] !== LF) at++;
    return bytes[at] === CR && bytes[at + 1] === LF ? at : -2;
  }

  private valueAt(i: number): string {
    return this.text(this.marks[i + 1]! + 1, this.marks[i + 2]!).trim();
  }

  private text(from: number, to: number): string {
    return TEXT.decode(this.bytes.subarray(from, to));
  }
}
