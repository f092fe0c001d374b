import { closeSync, constants, lstatSync, opendirSync, openSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname, sep } from 'node:path';

/**
 * Returns the stats of a path, following links. Undefined if the path cannot be reached: it does not exist, a link is
 * stale or loops, a folder on the way may not be read, a device fails. Never throws.
 */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // whyUnusable returns the reason
  }
}

export function isFile(path: string): boolean {
  return statOf(path)?.isFile() ?? false;
}

export function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() ?? false;
}

/** Whether a path does not exist, rather than being unreadable for now. */
export function isGone(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return ['ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

/** Returns why an entry cannot be read as a file or a folder; undefined if the entry can be read or does not exist. */
export function whyUnusable(path: string): string | undefined {
  // Node.js replaces bytes that are not UTF-8, so the path names no entry.
  if (path.includes('\uFFFD')) return 'its name is not UTF-8';
  try {
    const stats = statSync(path);
    if (stats.isSocket()) return 'a socket';
    if (stats.isFIFO()) return 'a pipe';
    if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'a device';
    tryToRead(path, stats);
    return undefined;
  } catch (error) {
    return whyFailed(path, (error as NodeJS.ErrnoException).code);
  }
}

/** Opens the entry, because the result of `access` is wrong on some file systems. */
function tryToRead(path: string, stats: Stats): void {
  if (!stats.isDirectory()) return closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  opendirSync(path).closeSync();
  // A folder that can be listed may still not be entered.
  statSync(`${path}${sep}.`);
}

/**
 * Like {@link whyUnusable}, for an entry of a folder that is walked. A link to a folder above the entry is refused too,
 * because the walk would never end.
 */
export function whyUnusableIn(path: string): string | undefined {
  return whyUnusable(path) ?? (leadsBack(path) ? 'a link to a folder above it' : undefined);
}

function leadsBack(path: string): boolean {
  if (!isLink(path)) return false;
  try {
    const [target, parent] = [realpathSync.native(path), realpathSync.native(dirname(path))];
    return `${parent}${sep}`.startsWith(target === sep ? sep : `${target}${sep}`);
  } catch {
    return false; // the entry has been removed
  }
}

function whyFailed(path: string, code = 'unknown'): string | undefined {
  if (code === 'ELOOP') return 'a link that leads to itself';
  if (code === 'ENOENT' || code === 'ENOTDIR') return isLink(path) ? 'a stale link' : undefined;
  if (code === 'EACCES' || code === 'EPERM') return `the host may not read it (${code})`;
  return `it cannot be read (${code})`;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch {
    return false; // its folder cannot be read
  }
}
