import { basename, resolve, sep } from 'node:path';
import type { PartedLog } from '../log/log';
import { isPluginPlace, whySkipped, type PluginFile } from '../load/discover';
import { FollowedFiles } from './followed-files';
import { isDirectory, isGone } from '../load/file-state';
import type { Plugins } from '../plugin/plugins';
import { SettledFiles, stampOf } from './settled-files';
import { WatchedFolder } from './watched-folder';

/** How often the host checks whether a plugins folder was replaced, which its watcher does not see. */
const POLL_MS = 250;

type FollowedPlugins = Pick<Plugins, 'concernedBy' | 'definitions' | 'filesIn' | 'load' | 'middlewareFiles' | 'remove'>;

/**
 * Follows the plugins folders. Loads the plugin of a new file, replaces the plugin of a changed file, and drains the
 * plugin of a removed file.
 */
export class PluginFolders {
  private readonly roots: WatchedFolder[];
  private readonly files: SettledFiles;
  private readonly followed: FollowedFiles;
  private timer: NodeJS.Timeout | undefined;

  /** @param pollMs polls the folders at this interval; undefined: only where the system does not report all changes */
  constructor(
    dirs: readonly string[],
    private readonly plugins: FollowedPlugins,
    private readonly log: PartedLog,
    pollMs?: number,
  ) {
    this.files = new SettledFiles((paths) => {
      this.apply(paths).catch((error: unknown) =>
        log.error('changed files could not be applied', { files: paths, err: error }),
      );
    });
    const changed = (path: string): void => this.files.changed(resolve(path));
    const roots = dirs.map((dir) => resolve(dir));
    this.followed = new FollowedFiles(roots, changed);
    this.roots = roots.map((dir) => {
      const sources = (): string[] => this.sources().filter((path) => path.startsWith(dir + sep));
      return new WatchedFolder(dir, { log, pollMs, sources, changed });
    });
  }

  /** Begins to watch. Resolves when later changes will be noticed. */
  async start(): Promise<void> {
    const ready = this.roots.map((root) => root.start());
    this.followed.poll(this.sources());
    this.timer = setInterval(() => this.poll(), POLL_MS);
    await Promise.all(ready);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.files.stop();
    await Promise.all(this.roots.map((root) => root.close()));
  }

  /**
   * Polls the folders and the followed files. A folder that vanishes and returns, or is renamed into place, is watched
   * anew, and any of its files may have changed.
   */
  private poll(): void {
    for (const root of this.roots) {
      root.poll(performance.now());
      if (!root.wasReplaced()) continue;
      this.followed.clear();
      for (const file of new Set([...this.plugins.filesIn(root.dir), ...root.found])) this.files.changed(file);
    }
    this.followed.poll(this.sources());
  }

  private sources(): string[] {
    const { definitions, middlewareFiles } = this.plugins;
    return [...definitions.flatMap(({ sources }) => [...sources.keys()]), ...middlewareFiles];
  }

  /** Loads each plugin that the changes concern once, however many of its files have changed. */
  private async apply(paths: readonly string[]): Promise<void> {
    this.followed.loaded(paths);
    // A plugin whose file cannot be read for now, for want of a permission or a mount, continues to run.
    const gone = paths.filter((path) => isGone(path) || isDirectory(path));
    // Removals come first, so that another plugin can take the name of a removed one.
    await Promise.all(gone.map((path) => this.remove(path)));
    const concerned = new Map(this.plugins.concernedBy(paths).map((file) => [file.file, file]));
    for (const path of paths) {
      const own = isGone(path) ? undefined : this.pluginAt(path);
      if (!own) continue;
      const why = whySkipped(path);
      if (why === undefined) concerned.set(path, own);
      else {
        concerned.delete(path);
        if (/plugin/i.test(basename(path))) this.log.info('skipped a file in the plugins folder', { file: path, why });
      }
    }
    // A file that is gone by now is not loaded. Another change reports it as removed.
    const there = [...concerned.values()].filter(({ file }) => stampOf(file) !== undefined);
    await Promise.all(there.map((file) => this.plugins.load(file, 'sources')));
  }

  /** Removes the plugin of a file. A failure does not keep the other changes from being applied. */
  private async remove(path: string): Promise<void> {
    try {
      await this.plugins.remove(path);
    } catch (error) {
      this.log.error('a plugin could not be removed', { file: path, err: error });
    }
  }

  /**
   * Returns the plugin file for a path that a plugin may have: directly in a root, or `name/index.plugin.*` below it.
   * Undefined for any other path.
   */
  private pluginAt(path: string): PluginFile | undefined {
    const root = this.roots.find(({ dir }) => isPluginPlace(path, dir));
    return root && { file: path, root: root.dir };
  }
}
