import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** One line that a plugin wrote, in the order of its process. */
export interface Entry {
  readonly what: 'begin' | 'end';
  readonly version: string;
  readonly n: number;
  readonly key: string;
  readonly atMs: number;
}

/** A file in which plugins record each run, independent of log and network. */
export class Ledger {
  readonly file: string;
  private readonly known: Entry[] = [];
  private offset = 0;
  private rest = '';

  constructor(folder: string, name: string) {
    this.file = join(folder, name);
  }

  /** Code for a plugin's file. */
  get source(): string {
    return `import { closeSync, openSync, writeSync } from 'node:fs';
const ledger = openSync(${JSON.stringify(this.file)}, 'a');
const note = (what: string, version: string, event: any) => writeSync(ledger, [what, version, event.n, event.user_id, Date.now()].join(' ') + '\\n');
`;
  }

  /** The lines so far. Each call reads only the new ones, so that reading does not slow down the test's own load. */
  get entries(): readonly Entry[] {
    const lines = (this.rest + this.readNew()).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      const [what, version, n, key, atMs] = line.split(' ') as [Entry['what'], string, string, string, string];
      this.known.push({ what, version, n: Number(n), key, atMs: Number(atMs) });
    }
    return this.known;
  }

  get length(): number {
    return this.entries.length;
  }

  private readNew(): string {
    const file = openSync(this.file, 'a+'); // The file may not exist yet.
    const chunks: string[] = [];
    const buffer = Buffer.alloc(65_536);
    for (let read = 1; read > 0;) {
      read = readSync(file, buffer, 0, buffer.length, this.offset);
      this.offset += read;
      chunks.push(buffer.toString('latin1', 0, read));
    }
    closeSync(file);
    return chunks.join('');
  }
}

/** The events whose runs overlapped a run of another event of their key. */
export function overlaps(entries: readonly Entry[]): number[] {
  const running = new Set<string>();
  return entries.flatMap(({ what, key, n }) => {
    if (what === 'end') return running.delete(key) ? [] : [n];
    if (running.has(key)) return [n];
    running.add(key);
    return [];
  });
}

/** The events that were not completed exactly once, with their number of completions. */
export function notOnce(entries: readonly Entry[], events: number): Map<number, number> {
  const times = new Map(Array.from({ length: events }, (_, n) => [n, 0]));
  for (const { what, n } of entries) if (what === 'end') times.set(n, (times.get(n) ?? 0) + 1);
  return new Map([...times].filter(([, count]) => count !== 1));
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** The longest part of a span of time in which nothing was handled, by the times of what was handled, in their order. */
export function longestGap(timesMs: readonly number[], fromMs: number, toMs: number): number {
  let longest = 0;
  let before = fromMs;
  for (const atMs of timesMs) {
    if (atMs < fromMs) continue;
    longest = Math.max(longest, Math.min(atMs, toMs) - before);
    before = atMs;
    if (atMs >= toMs) return longest;
  }
  return Math.max(longest, toMs - before);
}
