import { basename, dirname, join, resolve, sep } from 'node:path';
import type { HostLog } from '../log/log';
import { whySkipped, type PluginFile } from '../load/discover';
import { FollowedFiles } from './followed-files';
import { isGone } from '../load/file-state';
import type { Plugins } from '../plugin/plugins';
import { SettledFiles, stampOf } from './settled-files';
import { WatchedFolder } from './watched-folder';

/** How often it is looked whether a plugins folder is another one, which its watcher does not see. */
const ROOT_LOOK_MS = 250;

/** Follows the plugins folders: a new file is loaded, a changed one replaced, a removed one drained. */
export class PluginFolders {
  private readonly roots: WatchedFolder[];
  private readonly files: SettledFiles;
  private readonly followed: FollowedFiles;
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
    const changed = (path: string): void => this.files.changed(resolve(path));
    const roots = dirs.map((dir) => resolve(dir));
    this.followed = new FollowedFiles(roots, changed);
    this.roots = roots.map((dir) => {
      const sources = (): string[] => this.sources().filter((path) => path.startsWith(dir + sep));
      return new WatchedFolder(dir, { log, sources, changed });
    });
    this.followed.look(this.sources());
    this.timer = setInterval(() => this.look(), ROOT_LOOK_MS);
  }

  /** Resolves when changes are noticed. */
  async ready(): Promise<void> {
    await Promise.all(this.roots.map((root) => root.whenReady()));
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.files.stop();
    await Promise.all(this.roots.map((root) => root.close()));
  }

  /** A folder that vanishes and returns, or is renamed into place, is followed anew; what is in it may all be new. */
  private look(): void {
    for (const root of this.roots) {
      root.poll(performance.now());
      if (!root.wasReplaced()) continue;
      this.followed.forget();
      for (const file of new Set([...this.plugins.filesIn(root.dir), ...root.found])) this.files.changed(file);
    }
    this.followed.look(this.sources());
  }

  private sources(): string[] {
    return this.plugins.definitions.flatMap(({ sources }) => [...sources.keys()]);
  }

  /** Each plugin that is concerned is loaded once, however many of its files have changed. */
  private async apply(paths: readonly string[]): Promise<void> {
    this.followed.note(paths);
    // What cannot be looked at for now, for want of a right or of a mount, runs on.
    const gone = paths.filter((path) => isGone(path));
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
        !/^(\.|node_modules$)/.test(basename(parent))
      ) {
        return { file: path, root };
      }
    }
    return undefined;
  }
}
