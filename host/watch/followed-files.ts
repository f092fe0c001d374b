import { isAbsolute, join, relative, sep } from 'node:path';
import { realPathOf } from '../load/find-module';
import { stampOf } from './settled-files';

/**
 * Polls the sources of plugins whose changes the watchers of the plugins folders do not see: files outside of these
 * folders, and files behind a link, which may be changed to lead elsewhere.
 */
export class FollowedFiles {
  /** Whether a file must be polled, by path. */
  private readonly isFollowed = new Map<string, boolean>();
  private readonly stamps = new Map<string, string | undefined>();

  constructor(
    private readonly roots: readonly string[],
    private readonly changed: (path: string) => void,
  ) {}

  poll(sources: Iterable<string>): void {
    for (const path of sources) {
      if (!this.follows(path)) continue;
      const stamp = stampOf(path);
      if (this.stamps.has(path) && this.stamps.get(path) !== stamp) this.changed(path);
      this.stamps.set(path, stamp);
    }
  }

  /**
   * Notes that plugins are about to be loaded with these files, so that their present state no longer counts as a
   * change.
   */
  loaded(paths: readonly string[]): void {
    for (const path of paths) {
      this.isFollowed.delete(path);
      if (this.stamps.has(path)) this.stamps.set(path, stampOf(path));
    }
  }

  /** Forgets all files, because a plugins folder was replaced by another one. */
  clear(): void {
    this.isFollowed.clear();
    this.stamps.clear();
  }

  private follows(path: string): boolean {
    const known = this.isFollowed.get(path);
    if (known !== undefined) return known;
    const followed = !path.includes(`${sep}node_modules${sep}`) && this.isUnwatched(path);
    this.isFollowed.set(path, followed);
    return followed;
  }

  private isUnwatched(path: string): boolean {
    const root = this.roots.find((dir) => isWithin(path, dir));
    return root === undefined || realPathOf(path) !== join(realPathOf(root), relative(root, path));
  }
}

function isWithin(path: string, dir: string): boolean {
  const inside = relative(dir, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
