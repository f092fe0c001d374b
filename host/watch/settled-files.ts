import { statOf } from '../load/file-state';

/** How long a file must have kept its size and time before it is read: an editor writes in several steps. */
const SETTLE_MS = 100;
/** How often those that are still being written are looked at. */
const LOOK_MS = 25;
/** How long what has settled waits for the rest of one change: a checkout writes many files. */
const TOGETHER_MS = 300;
/** chokidar swallows a change that comes right after another: the file is looked at once more. */
const LOOK_AGAIN_MS = 90;

interface Changing {
  stamp: string | undefined;
  sinceMs: number;
}

/** Files that have changed, handed on when they are whole, those of one change together. */
export class SettledFiles {
  private readonly changing = new Map<string, Changing>();
  private readonly laterLooks = new Set<NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly settled: (paths: readonly string[]) => void) {}

  changed(path: string): void {
    const nowMs = performance.now();

    this.changing.set(path, { stamp: stampOf(path), sinceMs: nowMs });
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const timer of this.laterLooks) clearTimeout(timer);
    this.laterLooks.clear();
    this.changing.clear();
  }

  private look(): void {
    const nowMs = performance.now();
    for (const [path, file] of this.changing) {
      const stamp = stampOf(path);
      if (stamp === file.stamp) continue;
      file.stamp = stamp;
      file.sinceMs = nowMs;
    }
    const all = [...this.changing];
    const ready = all.filter(([, file]) => nowMs - file.sinceMs >= SETTLE_MS);
    // One that is being written for long, such as a log, must not hold up the others.
    const waitedLong = ready.some(([, file]) => nowMs - file.sinceMs >= SETTLE_MS + TOGETHER_MS);
    if (ready.length === 0 || (ready.length < all.length && !waitedLong)) return;
    for (const [path, { stamp }] of ready) {
      this.changing.delete(path);
      this.lookAgain(path, stamp);
    }
    if (this.changing.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.settled(ready.map(([path]) => path));
  }

  private lookAgain(path: string, stamp: string | undefined): void {
    const timer = setTimeout(() => {
      this.laterLooks.delete(timer);
      if (!this.changing.has(path) && stampOf(path) !== stamp) this.changed(path);
    }, LOOK_AGAIN_MS);
    this.laterLooks.add(timer);
  }
}

/** What tells one state of a file from another; nothing where there is no file. */
export function stampOf(path: string): string | undefined {
  const stats = statOf(path);
  return stats && `${stats.size} ${stats.mtimeMs} ${stats.ino}`;
}
