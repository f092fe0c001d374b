import { JetplugError } from '../../../sdk/internal';
import { encodeCommit, type ReadTexts, type RunChanges } from './commit';

/** The largest number of bytes for one UTF-16 unit of a text: an escaped one, such as `\\u0000`. */
const MAX_BYTES_OF_UNIT = 6;
/** The size of the parts of a commit besides its runs. */
const FRAME_BYTES = 256;

const NO_TEXTS: ReadTexts = new Map();

/** Estimates the length of the runs' text in a commit. */
export function estimatedBytes(runs: readonly RunChanges[]): number {
  let length = 0;
  for (const { writes, emits, reads = NO_TEXTS } of runs) {
    length += 100;
    for (const texts of [writes, reads])
      for (const [key, text] of texts) length += key.length + (text?.length ?? 0) + 8;
    for (const { subject, payload } of emits) length += subject.length + payload.length + 120;
  }
  return length;
}

/**
 * Checks that one commit can hold the runs. Small ones are only estimated.
 * @throws JetplugError `JP_COMMIT_TOO_LARGE`
 */
export function assertFits(runs: readonly RunChanges[], maxBytes: number): void {
  if (estimatedBytes(runs) * MAX_BYTES_OF_UNIT + FRAME_BYTES <= maxBytes) return;
  if (exactBytes(runs) > maxBytes) throw tooLarge(runs, maxBytes);
}

export function tooLarge(runs: readonly RunChanges[], maxBytes: number, cause?: Error): JetplugError {
  const { handler } = runs[0]!.origin;
  const bytes = exactBytes(runs).toLocaleString('en');
  const message = `${handler}: the changes and the published events of the run take ${bytes} bytes; one commit holds ${maxBytes.toLocaleString('en')}`;
  return new JetplugError('JP_COMMIT_TOO_LARGE', message, { cause });
}

function exactBytes(runs: readonly RunChanges[]): number {
  const text = encodeCommit({ host: '', number: 0, runs, sent: [], adopted: new Map() });
  return Buffer.byteLength(text) + FRAME_BYTES;
}
