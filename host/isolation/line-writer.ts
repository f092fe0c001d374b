import { StringDecoder } from 'node:string_decoder';
import { Writable } from 'node:stream';

/** A longer line is split, so that output without line ends does not fill the memory. */
const MAX_LINE = 8_192;

/** A stream that passes on its input line by line, without empty lines. */
export class LineWriter extends Writable {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const lines = (this.rest + this.decoder.write(chunk)).split('\n');
    this.rest = lines.pop()!;
    if (this.rest.length > MAX_LINE) {
      lines.push(this.rest);
      this.rest = '';
    }
    for (const line of lines) this.pass(line);
    done();
  }

  override _final(done: () => void): void {
    this.pass(this.rest);
    done();
  }

  private pass(line: string): void {
    const text = line.trimEnd().slice(0, MAX_LINE);
    if (text !== '') this.onLine(text);
  }
}
