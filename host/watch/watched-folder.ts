import { relative } from 'node:path';
import { watch as watchFiles, type ChokidarOptions, type FSWatcher } from 'chokidar';
import type { PartedLog } from '../log/log';
import { discover, whyRefused } from '../load/discover';
import { statOf, whyUnusableIn } from '../load/file-state';
import { remoteFileSystemOf } from './remote-files';
import { stampOf } from './settled-files';

/**
 * The time that the watcher may take to start. Some files in a folder keep it from ever reporting that it has started.
 */
const READY_MS = 3_000;
/** The interval at which a folder is polled, unless the config sets another one. */
const POLL_MS = 1_000;
const IGNORED = /(^|[/\\])(node_modules|\.git)([/\\]|$)/;
/** The error codes of a system that has no more watches or file descriptors for this process. */
const EXHAUSTED = new Set(['ENOSPC', 'EMFILE', 'ENFILE']);

export interface FolderOptions {
  readonly log: PartedLog;
  /** Polls the folder at this interval. Undefined: only where the system does not report all changes, once a second. */
  readonly pollMs?: number | undefined;
  /** Returns the sources of plugins that are in the folder. */
  sources(): readonly string[];
  changed(path: string): void;
}

/** Watches a plugins folder, or polls it where the system does not report its changes. */
export class WatchedFolder {
  private watcher: FSWatcher | undefined;
  /** Identifies the folder that is watched; undefined while there is none at the path. */
  private identity: string | undefined;
  /** The result of `stampOf` for each file at the last poll; undefined while the folder is watched. */
  private polled: Map<string, string | undefined> | undefined;
  private polledAtMs = 0;

  constructor(
    readonly dir: string,
    private readonly options: FolderOptions,
  ) {}

  /** Begins to watch. Resolves when later changes will be noticed. */
  start(): Promise<void> {
    this.identity = identityOf(this.dir);
    return this.watch();
  }

  /**
   * Returns whether the path leads to another folder than before: the folder vanished or returned, or a link leads
   * elsewhere. If so, watches the new folder.
   */
  wasReplaced(): boolean {
    const identity = identityOf(this.dir);
    if (identity === this.identity) return false;
    this.identity = identity;
    const message = identity === undefined ? 'a plugins folder is gone' : 'a plugins folder is there again';
    this.options.log.warn(message, { dir: this.dir });
    this.closeWatcher();
    this.polled = undefined;
    void this.watch();
    return true;
  }

  /** The plugin files that are in the folder now. */
  get found(): string[] {
    // A folder that is gone or not readable has no files.
    return whyRefused(this.dir) ? [] : discover([this.dir]).found.map(({ file }) => file);
  }

  /** Reports changed files, if the folder is polled and the interval since the last poll is over. */
  poll(nowMs: number): void {
    const before = this.polled;
    if (!before || nowMs - this.polledAtMs < this.pollMs) return;
    this.polledAtMs = nowMs;
    const now = this.stamps();
    this.polled = now;
    for (const path of new Set([...before.keys(), ...now.keys()])) {
      if (before.get(path) !== now.get(path)) this.options.changed(path);
    }
  }

  async close(): Promise<void> {
    const { watcher } = this;
    this.watcher = undefined;
    this.polled = undefined;
    await watcher?.close();
  }

  private watch(): Promise<void> {
    const ignored = (path: string): boolean => {
      const inside = relative(this.dir, path);
      return inside !== '' && (IGNORED.test(inside) || whyUnusableIn(path) !== undefined);
    };
    const watcher = watchFiles(this.dir, { ignoreInitial: true, ignored, ...this.polling() });
    this.watcher = watcher;
    watcher.on('all', (event, path) => {
      if (event !== 'addDir' && event !== 'unlinkDir') this.options.changed(path);
    });
    return new Promise((resolve) => {
      const pollInstead = (why: string): void => {
        clearTimeout(timer);
        if (this.watcher === watcher) this.beginPolling(why);
        resolve();
      };
      const timer = setTimeout(() => pollInstead(`the watcher has not started after ${READY_MS} ms`), READY_MS);
      // The timer must not keep a host alive that stops in the meantime.
      timer.unref();
      watcher.once('ready', () => {
        clearTimeout(timer);
        resolve();
      });
      watcher.on('error', (error) => {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== undefined && EXHAUSTED.has(code)) pollInstead((error as Error).message);
        else this.options.log.error('watching the plugins folders failed', { err: error });
      });
    });
  }

  private get pollMs(): number {
    return this.options.pollMs ?? POLL_MS;
  }

  /** The options with which chokidar polls, if the config asks for it or the file system does not report all changes. */
  private polling(): ChokidarOptions {
    const { dir, pollMs: everyMs, options } = this;
    const fileSystem = options.pollMs === undefined ? remoteFileSystemOf(dir) : undefined;
    if (options.pollMs === undefined && fileSystem === undefined) return {};
    options.log.info('a plugins folder is polled', { dir, everyMs, ...(fileSystem !== undefined && { fileSystem }) });
    return { usePolling: true, interval: everyMs, binaryInterval: everyMs };
  }

  private beginPolling(why: string): void {
    const { dir, pollMs: everyMs } = this;
    this.options.log.warn('a plugins folder cannot be watched; it is polled', { dir, why, everyMs });
    this.closeWatcher();
    this.polled = this.stamps();
  }

  private closeWatcher(): void {
    const { watcher } = this;
    this.watcher = undefined;
    watcher?.close().catch((error: unknown) => this.options.log.error('a watcher could not be closed', { err: error }));
  }

  private stamps(): Map<string, string | undefined> {
    return new Map([...this.found, ...this.options.sources()].map((path) => [path, stampOf(path)]));
  }
}

function identityOf(dir: string): string | undefined {
  const stats = statOf(dir);
  return stats?.isDirectory() ? `${stats.dev} ${stats.ino} ${stats.birthtimeMs}` : undefined;
}
