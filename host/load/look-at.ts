import { closeSync, constants, lstatSync, opendirSync, openSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname, sep } from 'node:path';

/**
 * The stats of what a path leads to, over links; nothing where it leads nowhere: no entry, a link that is stale or
 * loops, a folder on the way that may not be read, a device that fails. Never throws.
 */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // whyUnusable says what it is, to whoever wants to know
  }
}

export function isFile(path: string): boolean {
  return lookAt(path)?.isFile() ?? false;
}

export function isDirectory(path: string): boolean {
  return lookAt(path)?.isDirectory() ?? false;
}

/** Whether a path leads to nothing, rather than to something that cannot be looked at for now. */
export function isGone(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return ['ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

/** Why an entry is neither a file nor a folder that can be read; nothing where it is one, or is not there at all. */
export function whyUnusable(path: string): string | undefined {
  // What Node.js makes of bytes that are no UTF-8 names no entry.
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

/** Asks by doing: what `access` says is not so on every file system. */
function tryToRead(path: string, stats: Stats): void {
  if (!stats.isDirectory()) return closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  opendirSync(path).closeSync();
  // A folder may be listed and not entered.
  statSync(`${path}${sep}.`);
}

/** The same of an entry of a folder that is walked: a link that leads back to where it lies is walked for ever. */
export function whyUnusableIn(path: string): string | undefined {
  return whyUnusable(path) ?? (leadsBack(path) ? 'a link to a folder that it lies in' : undefined);
}

function leadsBack(path: string): boolean {
  if (!isLink(path)) return false;
  try {
    const [target, parent] = [realpathSync.native(path), realpathSync.native(dirname(path))];
    return `${parent}${sep}`.startsWith(target === sep ? sep : `${target}${sep}`);
  } catch {
    return false; // it is gone again
  }
}

function whyFailed(path: string, code = 'unknown'): string | undefined {
  if (code === 'ELOOP') return 'a link that leads to itself';
  if (code === 'ENOENT' || code === 'ENOTDIR') return isLink(path) ? 'a stale link' : undefined;
  if (code === 'EACCES' || code === 'EPERM') return `the host may not read it (${code})`;
  return `it cannot be looked at (${code})`;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch {
    return false; // not even its folder can be looked at
  }
}
