import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { JetplugError } from '../../sdk/internal';

/** A file that holds a plugin. */
export interface PluginFile {
  /** Absolute. */
  readonly file: string;
  /** The plugins folder it was found in, absolute. */
  readonly root: string;
}

export interface SkippedFile {
  readonly file: string;
  readonly why: string;
  /** Whether its author may have meant it as a plugin. */
  readonly looksMeant: boolean;
}

export interface Discovery {
  readonly found: readonly PluginFile[];
  readonly skipped: readonly SkippedFile[];
}

/**
 * Finds the plugins of the folders: `*.plugin.ts` or `.js` in a folder itself, and `name/index.plugin.ts`
 * or `.js` below it. Everything else is skipped, each with the reason.
 * @throws AggregateError of `JP_PLUGINS_DIR_MISSING`, one for each folder that is not there
 */
export function discover(dirs: readonly string[]): Discovery {
  const missing = dirs.filter((dir) => !isDirectory(dir));
  if (missing.length > 0) {
    throw new AggregateError(
      missing.map(
        (dir) => new JetplugError('JP_PLUGINS_DIR_MISSING', `the plugins folder ${dir} does not exist`, { file: dir }),
      ),
      'a plugins folder is missing',
    );
  }
  const found: PluginFile[] = [];
  const skipped: SkippedFile[] = [];
  for (const root of new Set(dirs.map((dir) => resolve(dir)))) {
    for (const file of candidates(root)) {
      const why = whySkipped(file) ?? whyMisplaced(file, root);
      if (why === undefined) found.push({ file, root });
      else skipped.push({ file, why, looksMeant: /plugin/i.test(basename(file)) });
    }
  }
  return { found, skipped };
}

/** Why a file is no plugin, or nothing if it is one. By its name alone, but for an empty file. */
export function whySkipped(file: string): string | undefined {
  const name = basename(file);
  if (/^\.|~$|^#|\.(tmp|temp|part|swp|swx|bak|orig|crdownload)$/i.test(name)) return 'a temporary or hidden file';
  if (/\.d\.[cm]?ts$/.test(name)) return 'a declaration file';
  if (/\.(test|spec)\.[cm]?[jt]sx?$/.test(name)) return 'a test';
  if (/\.plugin\.(mjs|mts)$/.test(name)) return 'an ES module by its name; a plugin is .ts or .js';
  if (!/\.plugin\.[jt]s$/.test(name)) return 'not named *.plugin.ts or *.plugin.js';
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile()) return 'not a file';
  return stats.size === 0 ? 'empty: still being written?' : undefined;
}

/** `badge` of `badge.plugin.ts`, of `badge/index.plugin.ts`, and of what an editor leaves beside it. */
export function nameByFile(file: string): string {
  const [stem = ''] = basename(file)
    .replace(/^[.#~]+/, '')
    .split('.');
  return stem === 'index' ? basename(dirname(file)) : stem;
}

function whyMisplaced(file: string, root: string): string | undefined {
  if (dirname(file) === root || basename(file).startsWith('index.plugin.')) return undefined;
  return 'in a folder of its own a plugin is named index.plugin.ts or index.plugin.js';
}

/** The files of the folder, and of each folder in it those that are named like plugins. */
function candidates(root: string): string[] {
  return names(root).flatMap((name) => {
    const path = join(root, name);
    if (!isDirectory(path)) return [path];
    if (name === 'node_modules' || name.startsWith('.')) return [];
    return names(path)
      .filter((inner) => inner.includes('.plugin.'))
      .map((inner) => join(path, inner));
  });
}

function names(dir: string): string[] {
  return readdirSync(dir).sort();
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
