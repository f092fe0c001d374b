import { statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { watch as watchFiles, type FSWatcher } from 'chokidar';
import type { HostLog } from '../log';
import { whySkipped, type PluginFile } from './discover';
import type { Plugins } from './plugins';

/** How long a file must have kept its size and time before it is read: an editor writes in several steps. */
const SETTLE_MS = 100;

/** Follows the plugins folders: a new file is loaded, a changed one replaced, a removed one drained. */
export class PluginWatch {
  private readonly watcher: FSWatcher;
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly roots: string[];

  constructor(
    dirs: readonly string[],
    private readonly plugins: Plugins,
    private readonly log: HostLog,
  ) {
    this.roots = dirs.map((dir) => resolve(dir));
    this.watcher = watchFiles(this.roots, { ignoreInitial: true, ignored: /(^|[/\\])(node_modules|\.git)([/\\]|$)/ });
    this.watcher.on('all', (event, path) => {
      if (event !== 'addDir' && event !== 'unlinkDir') this.changed(resolve(path));
    });
    this.watcher.on('error', (error) => log.error('watching the plugins folders failed', { err: error }));
  }

  /** Resolves when changes are noticed. */
  async ready(): Promise<void> {
    await new Promise<void>((done) => this.watcher.once('ready', () => done()));
  }

  async stop(): Promise<void> {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    await this.watcher.close();
  }

  private changed(path: string): void {
    clearTimeout(this.timers.get(path));
    const before = stamp(path);
    const timer = setTimeout(() => {
      // Still being written: look again.
      if (stamp(path) !== before) return this.changed(path);
      this.timers.delete(path);
      this.apply(path).catch((error: unknown) =>
        this.log.error('a changed file could not be taken up', { file: path, err: error }),
      );
    }, SETTLE_MS);
    this.timers.set(path, timer);
  }

  private async apply(path: string): Promise<void> {
    const own = this.pluginAt(path);
    const why = own ? whySkipped(path) : 'not in a place for plugins';
    if (stamp(path) === undefined) await this.plugins.remove(path);
    else if (own && why === undefined) await this.plugins.load(own, 'sources');
    else if (own && /plugin/i.test(path)) this.log.info('a file in the plugins folder is skipped', { file: path, why });
    for (const other of this.plugins.concernedBy([path])) {
      // One that is gone as well has its own removal coming.
      if (other.file !== path && stamp(other.file) !== undefined) await this.plugins.load(other, 'sources');
    }
  }

  /** The plugin that the path would be, by its place: in a root, or `name/index.plugin.*` below it. */
  private pluginAt(path: string): PluginFile | undefined {
    const parent = dirname(path);
    for (const root of this.roots) {
      if (parent === root) return { file: path, root };
      if (
        dirname(parent) === root &&
        path.startsWith(join(parent, 'index.plugin.')) &&
        !parent.endsWith(`${sep}node_modules`)
      ) {
        return { file: path, root };
      }
    }
    return undefined;
  }
}

/** What tells one state of a file from another; nothing where there is no file. */
function stamp(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.size} ${stats.mtimeMs} ${stats.ino}`;
}
