import { statSync, type Stats } from 'node:fs';

/**
 * The stats of what a path leads to, over links; nothing where it leads nowhere: no entry, a link that is stale or
 * loops, a folder on the way that may not be read, a device that fails. Never throws.
 */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // whyUnseen says what it is, to whoever wants to know
  }
}

export function isFile(path: string): boolean {
  return lookAt(path)?.isFile() ?? false;
}

export function isDirectory(path: string): boolean {
  return lookAt(path)?.isDirectory() ?? false;
}
