import { StringDecoder } from 'node:string_decoder';
import { Writable } from 'node:stream';

/** A longer line is told in parts: who writes no line ends must not fill the memory. */
const MAX_LINE = 8_192;

/** Tells what is written to it line by line, without empty ones. */
export class Lines extends Writable {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  constructor(private readonly tell: (line: string) => void) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const lines = (this.rest + this.decoder.write(chunk)).split('\n');
    this.rest = lines.pop()!;
    if (this.rest.length > MAX_LINE) {
      lines.push(this.rest);
      this.rest = '';
    }
    for (const line of lines) this.say(line);
    done();
  }

  override _final(done: () => void): void {
    this.say(this.rest);
    done();
  }

  private say(line: string): void {
    const text = line.trimEnd().slice(0, MAX_LINE);
    if (text !== '') this.tell(text);
  }
}
