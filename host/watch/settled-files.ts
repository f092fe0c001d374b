import { statOf } from '../load/file-state';

/** The time for which a file must be unchanged before it is read, because an editor writes in several steps. */
const SETTLE_MS = 100;
/** The interval at which changed files are checked for further changes. */
const POLL_MS = 25;
/** The time for which settled files wait for other files of the same change, because a checkout writes many files. */
const TOGETHER_MS = 300;
/**
 * The time after which each file is checked once more, because chokidar drops a change that comes right after another
 * one.
 */
const RECHECK_MS = 90;

interface Changing {
  stamp: string | undefined;
  /**
   * The time at which this stamp was first seen, in milliseconds of `performance.now()`. A stamp is the result of
   * {@link stampOf}.
   */
  sinceMs: number;
}

/** Reports changed files when they are written completely. Files of one change are reported together. */
export class SettledFiles {
  private readonly changing = new Map<string, Changing>();
  private readonly rechecks = new Set<NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly settled: (paths: readonly string[]) => void) {}

  changed(path: string): void {
    const nowMs = performance.now();
    this.changing.set(path, { stamp: stampOf(path), sinceMs: nowMs });
    this.timer ??= setInterval(() => this.poll(), POLL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const timer of this.rechecks) clearTimeout(timer);
    this.rechecks.clear();
    this.changing.clear();
  }

  private poll(): void {
    const nowMs = performance.now();
    for (const [path, file] of this.changing) {
      const stamp = stampOf(path);
      if (stamp === file.stamp) continue;
      file.stamp = stamp;
      file.sinceMs = nowMs;
    }
    const all = [...this.changing];
    const ready = all.filter(([, file]) => nowMs - file.sinceMs >= SETTLE_MS);
    // A file that is written all the time, such as a log, must not delay the others.
    const waitedLong = ready.some(([, file]) => nowMs - file.sinceMs >= SETTLE_MS + TOGETHER_MS);
    if (ready.length === 0 || (ready.length < all.length && !waitedLong)) return;
    for (const [path, { stamp }] of ready) {
      this.changing.delete(path);
      this.recheckLater(path, stamp);
    }
    if (this.changing.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.settled(ready.map(([path]) => path));
  }

  private recheckLater(path: string, stamp: string | undefined): void {
    const timer = setTimeout(() => {
      this.rechecks.delete(timer);
      if (!this.changing.has(path) && stampOf(path) !== stamp) this.changed(path);
    }, RECHECK_MS);
    this.rechecks.add(timer);
  }
}

/**
 * Returns a stamp of a file, or undefined if there is no file. The stamp holds the file's size, modification time and
 * inode number, so it differs after each change.
 */
export function stampOf(path: string): string | undefined {
  const stats = statOf(path);
  return stats && `${stats.size} ${stats.mtimeMs} ${stats.ino}`;
}
