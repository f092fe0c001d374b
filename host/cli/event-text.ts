import { createReadStream } from 'node:fs';
import { JetplugError } from '../../sdk/internal';

const LF = 10;
const CR = 13;

/**
 * Yields the lines of a file that are not empty, each with its number from 1. A line is bytes, because decoding would
 * replace invalid UTF-8.
 */
export async function* linesOf(file: string): AsyncGenerator<{ bytes: Buffer; line: number }> {
  let line = 0;
  for await (const bytes of allLines(file)) {
    line++;
    if (bytes.toString('latin1').trim() !== '') yield { bytes, line };
  }
}

export async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Yields the lines without their line breaks, of Unix or of Windows. */
async function* allLines(file: string): AsyncGenerator<Buffer> {
  const parts: Buffer[] = [];
  const whole = (last: Buffer): Buffer => {
    const line = parts.length > 0 ? Buffer.concat([...parts.splice(0), last]) : last;
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  };
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
        yield whole(chunk.subarray(from, end));
        from = end + 1;
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
    }
  } catch (cause) {
    throw new JetplugError('JP_USAGE', `cannot read ${file}: ${(cause as Error).message}`, { file, cause });
  }
  if (parts.length > 0) yield whole(Buffer.alloc(0));
}
