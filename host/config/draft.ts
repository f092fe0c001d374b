import { JetplugError, type ErrorCode } from '../../sdk/internal';
import type { Source } from './config';
import { isMap } from './formats';

export type { Source };

type Tree = Record<string, unknown>;

/**
 * The values of the layers that have been read, and the problems found. A later layer replaces values of an earlier
 * one.
 */
export class Draft {
  readonly problems: JetplugError[] = [];
  /** The values of the files, as written. */
  readonly files: Tree = {};
  /** The texts of variables, by name. */
  readonly variables: Record<string, string> = {};
  /** The values of flags, by path. */
  readonly flags = new Map<string, unknown>();
  private readonly sources = new Map<string, Source>();
  private readonly faulty: string[] = [];

  /** Sets a value of a file, and replaces the value of an earlier file. */
  put(keys: readonly string[], value: unknown, source: Source): void {
    let map = this.files;
    for (const key of keys.slice(0, -1)) map = ownMap(map, key);
    const last = keys.at(-1)!;
    // Maps are merged, and an empty one adds nothing.
    if (!(isEmptyMap(value) && isMap(map[last]))) map[last] = value;
    this.replaceSource(keys.join('.'), source);
  }

  /**
   * Sets a key of the entry with this name in a list of maps, and appends the entry if no earlier file has it. In paths
   * such an entry has its name in brackets, because each file has its own order: `streams[EVENTS].maxAge`.
   */
  putInEntry(list: string, name: string, key: string, value: unknown, source: Source): void {
    const entries = (this.files[list] ??= []) as Tree[];
    let entry = entries.find((one) => one['name'] === name);
    if (!entry) entries.push((entry = { name }));
    entry[key] = value;
    this.replaceSource(`${list}[${name}].${key}`, source);
  }

  putVariable(path: string, name: string, text: string): void {
    this.variables[name] = text;
    this.replaceSource(path, { layer: 'variable', name });
  }

  putFlag(path: string, name: string, value: unknown): void {
    this.flags.set(path, value);
    this.replaceSource(path, { layer: 'flag', name });
  }

  /** Records the source of a part of a value. */
  mark(path: string, source: Source): void {
    this.sources.set(path, source);
  }

  /** The source of the value at a path. */
  sourceOf(path: string): Source {
    return this.sources.get(path) ?? { layer: 'default' };
  }

  /** Reports an invalid value. `what` continues a sentence that begins with the path, or with the variable or flag. */
  reportValue(path: string, source: Source, what: string, hint?: string): void {
    const isNamed = source.layer === 'variable' || source.layer === 'flag';
    const subject = isNamed ? `${source.name} (${path})` : path;
    this.report('JP_CONFIG_INVALID', path, source, `${subject} ${what}`, hint);
  }

  /** Reports any problem at a path. */
  report(code: ErrorCode, path: string, source: Source, message: string, hint?: string): void {
    this.faulty.push(path);
    const place = source.layer === 'file' ? { file: source.file, line: source.line } : {};
    this.problems.push(new JetplugError(code, message, { ...place, hint }));
  }

  /** Whether no problem was reported at or below this path. */
  isSound(path: string): boolean {
    return !this.faulty.some((other) => other === path || other.startsWith(`${path}.`) || other.startsWith(`${path}[`));
  }

  private replaceSource(path: string, source: Source): void {
    for (const known of this.sources.keys()) {
      if (known.startsWith(`${path}.`) || known.startsWith(`${path}[`)) this.sources.delete(known);
    }
    this.sources.set(path, source);
  }
}

function ownMap(map: Tree, key: string): Tree {
  if (!Object.hasOwn(map, key) || !isMap(map[key])) map[key] = {};
  return map[key] as Tree;
}

function isEmptyMap(value: unknown): boolean {
  return isMap(value) && Object.keys(value).length === 0;
}
