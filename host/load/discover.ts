import { readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { isDirectory, statOf, whyUnusable, whyUnusableIn } from './file-state';

/** A plugin's file, by its name and place. */
export interface PluginFile {
  /** The absolute path of the file. */
  readonly file: string;
  /** The absolute path of the plugins folder that holds the file. */
  readonly root: string;
}

export interface SkippedFile {
  readonly file: string;
  readonly why: string;
  /** Whether the author may have meant the file as a plugin, because its name contains “plugin”. */
  readonly looksMeant: boolean;
  /**
   * Whether the entry cannot be read as a file or folder, such as a stale link, a socket or a folder of another user.
   */
  readonly isStray: boolean;
}

export interface Discovery {
  readonly found: readonly PluginFile[];
  readonly skipped: readonly SkippedFile[];
}

/**
 * Finds the plugins of the folders: `*.plugin.ts` or `*.plugin.js` in a folder itself, and `name/index.plugin.ts` or
 * `name/index.plugin.js` below it. All other entries are skipped, and each is listed with its reason.
 * @throws AggregateError of `JP_PLUGINS_DIR_MISSING` or `JP_PLUGINS_DIR_UNREADABLE`, one for each such folder
 */
export function discover(dirs: readonly string[]): Discovery {
  const refused = dirs.map((dir) => whyRefused(dir)).filter((error) => error !== undefined);
  if (refused.length > 0) throw new AggregateError(refused, 'a plugins folder is missing');
  const found: PluginFile[] = [];
  const skipped: SkippedFile[] = [];
  for (const root of new Set(dirs.map((dir) => resolve(dir)))) {
    for (const { file, stray } of candidates(root)) {
      // Editors create stale links as locks; they are not worth a report.
      const isStray = stray !== undefined && !TEMPORARY.test(basename(file));
      const why = (isStray ? stray : undefined) ?? whySkipped(file) ?? whyMisplaced(file, root);
      if (why === undefined) found.push({ file, root });
      else skipped.push({ file, why, looksMeant: /plugin/i.test(basename(file)), isStray });
    }
  }
  return { found, skipped };
}

/** The reason why a plugins folder cannot be used, if there is one. */
export function whyRefused(dir: string): JetplugError | undefined {
  const why = whyUnusable(dir);
  if (why === undefined && isDirectory(dir)) return undefined;
  if (why?.startsWith('the host may not'))
    return new JetplugError('JP_PLUGINS_DIR_UNREADABLE', `the plugins folder ${dir}: ${why}`, { file: dir });
  const what = why ?? (statOf(dir) ? 'a file' : undefined);
  const message = `the plugins folder ${dir} ${what === undefined ? 'does not exist' : `is not a folder: ${what}`}`;
  return new JetplugError('JP_PLUGINS_DIR_MISSING', message, { file: dir });
}

const TEMPORARY = /^\.|~$|^#|\.(tmp|temp|part|swp|swx|bak|orig|crdownload)$/i;

/**
 * Returns why a file is not a plugin; undefined if it is one. A file is a plugin if its name ends in `.plugin.ts` or
 * `.plugin.js`, it can be read, and it is not empty.
 */
export function whySkipped(file: string): string | undefined {
  const name = basename(file);
  if (TEMPORARY.test(name)) return 'a temporary or hidden file';
  if (/\.d\.[cm]?ts$/.test(name)) return 'a declaration file';
  if (/\.(test|spec)\.[cm]?[jt]sx?$/.test(name)) return 'a test';
  if (/\.plugin\.(mjs|mts)$/.test(name)) return 'named as an ES module; a plugin is .ts or .js';
  if (!/\.plugin\.[jt]s$/.test(name)) return 'not named *.plugin.ts or *.plugin.js';
  const stats = statOf(file);
  if (stats?.isDirectory()) return 'a folder; the plugin in a folder is named index.plugin.ts or index.plugin.js';
  if (!stats?.isFile()) return whyUnusable(file) ?? 'not a file';
  return whyUnusable(file) ?? (stats.size === 0 ? 'empty: still being written?' : undefined);
}

/** The plugin's name by its file: `badge` of `badge.plugin.ts`, `badge/index.plugin.ts`, and of an editor's temporary files. */
export function nameByFile(file: string): string {
  const [stem = ''] = basename(file)
    .replace(/^[.#~]+/, '')
    .split('.');
  return stem === 'index' ? basename(dirname(file)) : stem;
}

/**
 * Whether a plugin's file may be at this place in a plugins folder: in the folder itself, or as `name/index.plugin.*`.
 */
export function isPluginPlace(file: string, root: string): boolean {
  const parent = dirname(file);
  if (parent === root) return true;
  return dirname(parent) === root && isSearched(basename(parent)) && basename(file).startsWith('index.plugin.');
}

function whyMisplaced(file: string, root: string): string | undefined {
  if (isPluginPlace(file, root)) return undefined;
  return 'in a subfolder; there a plugin is named index.plugin.ts or index.plugin.js';
}

/** An entry of a folder that may be a plugin. */
interface Candidate {
  readonly file: string;
  /** The reason why the entry cannot be read, if it cannot. */
  readonly stray?: string;
}

/** The files of the folder, and the files of its subfolders that are named like plugins. */
function candidates(root: string): Candidate[] {
  return readdirSync(root)
    .sort()
    .flatMap((name): Candidate[] => {
      const file = join(root, name);
      if (name === 'node_modules' || name === '.git') return [];
      const stray = whyUnusableIn(file);
      if (stray !== undefined) return [{ file, stray }];
      if (!isDirectory(file)) return [{ file }];
      return isSearched(name) ? inFolder(file) : [];
    });
}

function isSearched(folderName: string): boolean {
  return !folderName.startsWith('.') && folderName !== 'node_modules';
}

function inFolder(folder: string): Candidate[] {
  const inner = namesIn(folder).filter((name) => name.includes('.plugin.'));
  // A folder with the name of a plugin file was probably meant as a plugin.
  if (inner.length === 0 && basename(folder).includes('.plugin.')) return [{ file: folder }];
  return inner.map((name) => {
    const file = join(folder, name);
    const stray = whyUnusableIn(file);
    return stray === undefined ? { file } : { file, stray };
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // removed or made unreadable meanwhile
  }
}
