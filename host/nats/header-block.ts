import type { RepeatedHeaders } from '../broker/headers';

const VERSION = Buffer.from('NATS/1.0');
const TEXT = new TextDecoder();
const CR = 13;
const LF = 10;
const COLON = 58;
/** A name's characters lie between these two: printable, and no colon. */
const SPACE = 32;
const DELETE = 127;

/** Its instances inherit nothing, as `__proto__` is a name like others; those of `Object.create(null)` are slow to fill. */
class HeaderValues {
  [name: string]: string;
}
Object.setPrototypeOf(HeaderValues.prototype, null);
Reflect.deleteProperty(HeaderValues.prototype, 'constructor');

/**
 * A message's headers as they were sent: the version, a line for each, an empty line. Most are never asked
 * for. Read by hand: the client passes over lines that are no headers, and takes several times as long.
 */
export class HeaderBlock {
  /** For each header where its name begins, where it ends and where its line does. */
  private readonly places: number[] = [];

  /**
   * @param length how many of the bytes are the block
   * @throws Error where it is malformed
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly length: number,
  ) {
    if (!this.read()) throw new Error(`the header block is ${JSON.stringify(this.text(0, length).slice(0, 100))}`);
  }

  /** By its name in lower case, however it is written; the last one that has it. */
  get(lowerName: string): string | undefined {
    const { places } = this;
    for (let i = places.length - 3; i >= 0; i -= 3) {
      const [name, colon] = [places[i]!, places[i + 1]!];
      if (colon - name !== lowerName.length) continue;
      if (this.text(name, colon).toLowerCase() === lowerName) return this.valueAt(i);
    }
    return undefined;
  }

  /** By name as sent; of those that are sent twice the last value. */
  all(): Readonly<Record<string, string>> {
    const values = new HeaderValues();
    const { places } = this;
    for (let i = 0; i < places.length; i += 3) values[this.text(places[i]!, places[i + 1]!)] = this.valueAt(i);
    return values;
  }

  /** All values of those that are sent several times. */
  repeated(): RepeatedHeaders | undefined {
    const { places } = this;
    const values = new Map<string, string[]>();
    for (let i = 0; i < places.length; i += 3) {
      const name = this.text(places[i]!, places[i + 1]!);
      values.set(name, [...(values.get(name) ?? []), this.valueAt(i)]);
    }
    const several = [...values].filter(([, all]) => all.length > 1);
    return several.length > 0 ? Object.fromEntries(several) : undefined;
  }

  /** Finds the headers; whether the block is well-formed. */
  private read(): boolean {
    const { bytes } = this;
    for (let i = 0; i < VERSION.length; i++) if (bytes[i] !== VERSION[i]) return false;
    let at = this.endOfLine(VERSION.length) + 2;
    while (at >= 2 && bytes[at] !== CR) {
      const name = at;
      while (bytes[at]! > SPACE && bytes[at]! < DELETE && bytes[at] !== COLON) at++;
      if (at === name || bytes[at] !== COLON) return false;
      const end = this.endOfLine(at);
      this.places.push(name, at, end);
      at = end + 2;
    }
    return at >= 2 && bytes[at + 1] === LF && at + 2 === this.length;
  }

  /** Where the line ends that goes on at a place; -2 where it does not end well. */
  private endOfLine(from: number): number {
    const { bytes, length } = this;
    let at = from;
    while (at < length && bytes[at] !== CR && bytes[at] !== LF) at++;
    return bytes[at] === CR && bytes[at + 1] === LF ? at : -2;
  }

  private valueAt(i: number): string {
    return this.text(this.places[i + 1]! + 1, this.places[i + 2]!).trim();
  }

  private text(from: number, to: number): string {
    return TEXT.decode(this.bytes.subarray(from, to));
  }
}
