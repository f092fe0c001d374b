import { statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { watch as watchFiles, type FSWatcher } from 'chokidar';
import type { HostLog } from '../log';
import { discover, whySkipped, type PluginFile } from './discover';
import type { Plugins } from './plugins';
import { SettledFiles, stampOf } from './settled-files';

/** How often it is looked whether a plugins folder is another one, which its watcher does not see. */
const ROOT_LOOK_MS = 250;
const IGNORED = /(^|[/\\])(node_modules|\.git)([/\\]|$)/;

/** One plugins folder, as it is followed. */
interface Root {
  readonly dir: string;
  watcher: FSWatcher;
  /** Which folder it was when the watcher was made; nothing where there was none. */
  identity: string | undefined;
}

/** Follows the plugins folders: a new file is loaded, a changed one replaced, a removed one drained. */
export class PluginWatch {
  private readonly roots: Root[];
  private readonly files: SettledFiles;
  private readonly timer: NodeJS.Timeout;

  constructor(
    dirs: readonly string[],
    private readonly plugins: Plugins,
    private readonly log: HostLog,
  ) {
    this.files = new SettledFiles((paths) => {
      this.apply(paths).catch((error: unknown) =>
        log.error('changed files could not be taken up', { files: paths, err: error }),
      );
    });
    this.roots = dirs
      .map((dir) => resolve(dir))
      .map((dir) => ({ dir, watcher: this.follow(dir), identity: identityOf(dir) }));
    this.timer = setInterval(() => this.lookAtRoots(), ROOT_LOOK_MS);
  }

  /** Resolves when changes are noticed. */
  async ready(): Promise<void> {
    await Promise.all(
      this.roots.map(({ watcher }) => new Promise<void>((done) => watcher.once('ready', () => done()))),
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.files.stop();
    await Promise.all(this.roots.map(({ watcher }) => watcher.close()));
  }

  private follow(dir: string): FSWatcher {
    const watcher = watchFiles(dir, { ignoreInitial: true, ignored: IGNORED });
    watcher.on('all', (event, path) => {
      if (event !== 'addDir' && event !== 'unlinkDir') this.files.changed(resolve(path));
    });
    watcher.on('error', (error) => this.log.error('watching the plugins folders failed', { err: error }));
    return watcher;
  }

  /** A folder that vanishes and returns, or is renamed into place, is followed anew; what is in it may all be new. */
  private lookAtRoots(): void {
    for (const root of this.roots) {
      const identity = identityOf(root.dir);
      if (identity === root.identity) continue;
      root.identity = identity;
      this.log.warn(identity === undefined ? 'a plugins folder is gone' : 'a plugins folder is there again', {
        dir: root.dir,
      });
      root.watcher.close().catch((error: unknown) => this.log.error('a watcher could not be closed', { err: error }));
      root.watcher = this.follow(root.dir);
      for (const file of new Set([...this.plugins.filesIn(root.dir), ...this.found(root)])) this.files.changed(file);
    }
  }

  private found({ dir, identity }: Root): string[] {
    if (identity === undefined) return [];
    try {
      return discover([dir]).found.map(({ file }) => file);
    } catch (error) {
      // It is gone again: the next look finds out.
      this.log.debug('a plugins folder could not be read', { dir, err: error });
      return [];
    }
  }

  /** Each plugin that is concerned is loaded once, however many of its files have changed. */
  private async apply(paths: readonly string[]): Promise<void> {
    const gone = paths.filter((path) => stampOf(path) === undefined);
    // Before the others: what takes a removed one's name is free to.
    await Promise.all(gone.map((path) => this.plugins.remove(path)));
    const concerned = new Map(this.plugins.concernedBy(paths).map((file) => [file.file, file]));
    for (const path of paths) {
      const own = gone.includes(path) ? undefined : this.pluginAt(path);
      if (!own) continue;
      const why = whySkipped(path);
      if (why === undefined) concerned.set(path, own);
      else {
        concerned.delete(path);
        if (/plugin/i.test(path)) this.log.info('a file in the plugins folder is skipped', { file: path, why });
      }
    }
    // One that is gone as well has its own removal coming.
    const there = [...concerned.values()].filter(({ file }) => stampOf(file) !== undefined);
    await Promise.all(there.map((file) => this.plugins.load(file, 'sources')));
  }

  /** The plugin that the path would be, by its place: in a root, or `name/index.plugin.*` below it. */
  private pluginAt(path: string): PluginFile | undefined {
    const parent = dirname(path);
    for (const { dir: root } of this.roots) {
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

function identityOf(dir: string): string | undefined {
  const stats = statSync(dir, { throwIfNoEntry: false });
  return stats?.isDirectory() ? `${stats.dev} ${stats.ino} ${stats.birthtimeMs}` : undefined;
}
