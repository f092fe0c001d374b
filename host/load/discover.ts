import { readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { isDirectory, lookAt, whyUnusable, whyUnusableIn } from './look-at';

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
  /** Whether it is no file or folder that can be read: a stale link, a socket, a folder of another user. */
  readonly isStray: boolean;
}

export interface Discovery {
  readonly found: readonly PluginFile[];
  readonly skipped: readonly SkippedFile[];
}

/**
 * Finds the plugins of the folders: `*.plugin.ts` or `.js` in a folder itself, and `name/index.plugin.ts`
 * or `.js` below it. Everything else is skipped, each with the reason.
 * @throws AggregateError of `JP_PLUGINS_DIR_MISSING` or `JP_PLUGINS_DIR_UNREADABLE`, one for each such folder
 */
export function discover(dirs: readonly string[]): Discovery {
  const refused = dirs.map((dir) => whyRefused(dir)).filter((error) => error !== undefined);
  if (refused.length > 0) throw new AggregateError(refused, 'a plugins folder is missing');
  const found: PluginFile[] = [];
  const skipped: SkippedFile[] = [];
  for (const root of new Set(dirs.map((dir) => resolve(dir)))) {
    for (const { file, stray } of candidates(root)) {
      // An editor's lock is a stale link, and nothing to report.
      const isStray = stray !== undefined && !TEMPORARY.test(basename(file));
      const why = (isStray ? stray : undefined) ?? whySkipped(file) ?? whyMisplaced(file, root);
      if (why === undefined) found.push({ file, root });
      else skipped.push({ file, why, looksMeant: /plugin/i.test(basename(file)), isStray });
    }
  }
  return { found, skipped };
}

/** Why a plugins folder cannot be used, if so. */
export function whyRefused(dir: string): JetplugError | undefined {
  const why = whyUnusable(dir);
  if (why === undefined && isDirectory(dir)) return undefined;
  if (why?.startsWith('the host may not'))
    return new JetplugError('JP_PLUGINS_DIR_UNREADABLE', `the plugins folder ${dir}: ${why}`, { file: dir });
  const what = why ?? (lookAt(dir) ? 'a file' : undefined);
  const message = `the plugins folder ${dir} ${what === undefined ? 'does not exist' : `is no folder: ${what}`}`;
  return new JetplugError('JP_PLUGINS_DIR_MISSING', message, { file: dir });
}

const TEMPORARY = /^\.|~$|^#|\.(tmp|temp|part|swp|swx|bak|orig|crdownload)$/i;

/** Why a file is no plugin, or nothing if it is one. By its name alone, but for an empty file. */
export function whySkipped(file: string): string | undefined {
  const name = basename(file);
  if (TEMPORARY.test(name)) return 'a temporary or hidden file';
  if (/\.d\.[cm]?ts$/.test(name)) return 'a declaration file';
  if (/\.(test|spec)\.[cm]?[jt]sx?$/.test(name)) return 'a test';
  if (/\.plugin\.(mjs|mts)$/.test(name)) return 'an ES module by its name; a plugin is .ts or .js';
  if (!/\.plugin\.[jt]s$/.test(name)) return 'not named *.plugin.ts or *.plugin.js';
  const stats = lookAt(file);
  if (stats?.isDirectory()) return 'a folder; the plugin in a folder is named index.plugin.ts or index.plugin.js';
  if (!stats?.isFile()) return whyUnusable(file) ?? 'not a file';
  return whyUnusable(file) ?? (stats.size === 0 ? 'empty: still being written?' : undefined);
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

/** An entry that may be a plugin, or that is none for a reason of its own. */
interface Candidate {
  readonly file: string;
  /** Why it cannot be read, if so. */
  readonly stray?: string;
}

/** The files of the folder, and of each folder in it those that are named like plugins. */
function candidates(root: string): Candidate[] {
  return readdirSync(root)
    .sort()
    .flatMap((name): Candidate[] => {
      const file = join(root, name);
      if (name === 'node_modules' || name === '.git') return [];
      const stray = whyUnusableIn(file);
      if (stray !== undefined) return [{ file, stray }];
      if (!isDirectory(file)) return [{ file }];
      return name.startsWith('.') ? [] : inFolder(file);
    });
}

function inFolder(folder: string): Candidate[] {
  const inner = namesIn(folder).filter((name) => name.includes('.plugin.'));
  // A folder that is named like a plugin file was meant as one.
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
    return []; // gone, or taken from the host, since it was looked at
  }
}
