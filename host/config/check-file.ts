import { pluginNameOf } from '../../sdk/internal';
import type { Draft, Source } from './draft';
import { faultsOf, kindOf } from './faults';
import { formatOf, isMap } from './formats';
import { isLeaf, type Leaf, type SchemaMap } from './key';
import { pluginSchema, schema } from './schema';
import { elsewhere, nearest } from './suggest';
import { shownKey, type YamlFile } from './yaml-file';

type Keys = readonly (string | number)[];

/** Puts the valid values of a file into the draft, and reports the others, each at its line. */
export function checkFile(file: YamlFile, draft: Draft): void {
  draft.problems.push(...file.problems);
  new FileCheck(file, draft).root();
}

class FileCheck {
  constructor(
    private readonly file: YamlFile,
    private readonly draft: Draft,
  ) {}

  root(): void {
    this.map(this.file.root, schema, []);
  }

  /** Checks a map. An empty one counts as absent, because all its keys may be commented out. */
  private map(value: unknown, known: SchemaMap, keys: Keys): void {
    if (value === null || !this.isMapOf(known, value, keys)) return;
    for (const [key, child] of Object.entries(value)) {
      const node = Object.hasOwn(known, key) ? known[key] : undefined;
      if (node) this.node(child, node, [...keys, key]);
      else if (known === schema.plugins) this.section(child, key);
      else this.unknown([...keys, key], known);
    }
  }

  private node(value: unknown, node: Leaf | SchemaMap, keys: Keys): void {
    if (!isLeaf(node)) return this.map(value, node, keys);
    if (node.children) return this.entries(value, node, node.children, keys);
    if (node.format === 'settings' && value === null) return;
    if (this.isFaulty(value, node, keys)) return;
    if (node.format === 'settings') return this.settings(value, keys);
    this.put(value, keys);
  }

  /**
   * Checks a key of `plugins` that is not the host's own. It is the section of the plugin with that name, unless it
   * looks like a typing error.
   */
  private section(value: unknown, name: string): void {
    const keys = ['plugins', name];
    const mayBeSection = value === null || isMap(value);
    const meant = nearest(name, Object.keys(schema.plugins)) ?? elsewhere(name);
    if (mayBeSection ? meant === 'defaults' : meant) return this.unknown(keys, schema.plugins);
    if (!/^[a-z0-9-]+$/.test(name)) return this.misnamed(name, keys);
    // The source is recorded even if the section is invalid or empty, so that later checks can name the section's line.
    this.draft.mark(pathOf(keys), this.source(keys));
    if (typeof value !== 'boolean') return this.map(value, pluginSchema, keys);
    this.invalid(
      keys,
      `is ${value}, but takes a map of keys: ${names(pluginSchema)}`,
      `Write ${name}: { enabled: ${value} }.`,
    );
  }

  private misnamed(name: string, keys: Keys): void {
    const proper = pluginNameOf(firstWord(name)).replace(/[^a-z0-9]+/g, '-');
    const message = `unknown key ${shownKey(pathOf(keys))}: plugins’ names have only a–z, 0–9 and dashes`;
    this.refuseKey(keys, message, `Write ${proper}, if that is the plugin’s name.`);
  }

  /** Takes a list of maps as a whole, or not at all. Its entries are merged by name into those of earlier files. */
  private entries(value: unknown, leaf: Leaf, known: SchemaMap, keys: Keys): void {
    if (this.isFaulty(value, leaf, keys)) return;
    const entries = value as unknown[];
    const before = this.draft.problems.length;
    entries.forEach((entry, i) => this.entry(entry, known, [...keys, i]));
    this.repeatedNames(entries, keys);
    if (this.draft.problems.length > before) return;
    this.draft.mark(pathOf(keys), this.source(keys));
    (entries as { name: string }[]).forEach((entry, i) => this.putEntry(entry, [...keys, i]));
  }

  private repeatedNames(entries: readonly unknown[], keys: Keys): void {
    const names = entries.map((entry) => (isMap(entry) ? entry['name'] : undefined));
    names.forEach((name, i) => {
      const first = names.indexOf(name);
      if (typeof name !== 'string' || first === i) return;
      const what = `is ${name}, as ${pathOf([...keys, first, 'name'])} is too`;
      this.invalid([...keys, i, 'name'], what, 'Give each its own name, or write one entry with all keys.');
    });
  }

  private putEntry(entry: { readonly name: string }, keys: Keys): void {
    const list = String(keys[0]);
    const path = `${list}[${entry.name}]`;
    this.draft.mark(path, this.source(keys));
    for (const [key, value] of Object.entries(entry)) {
      this.draft.putInEntry(list, entry.name, key, value, this.source([...keys, key]));
      this.markParts(value, [...keys, key], `${path}.${key}`);
    }
  }

  private entry(value: unknown, known: SchemaMap, keys: Keys): void {
    if (!this.isMapOf(known, value, keys)) return;
    for (const [key, node] of Object.entries(known)) {
      const isMust = isLeaf(node) && node.default === null && !node.nullable;
      if (isMust && !Object.hasOwn(value, key)) this.invalid(keys, `has no ${key}, which it must have`, `Add ${key}.`);
    }
    for (const [key, child] of Object.entries(value)) {
      const leaf = Object.hasOwn(known, key) ? (known[key] as Leaf) : undefined;
      if (leaf) this.isFaulty(child, leaf, [...keys, key]);
      else this.unknown([...keys, key], known);
    }
  }

  /**
   * Takes the settings of a plugin key by key, so that they are merged like other maps, though only the plugin knows
   * the keys.
   */
  private settings(value: unknown, keys: Keys): void {
    if (!isMap(value) || Object.keys(value).length === 0) return this.put(value, keys);
    for (const [key, child] of Object.entries(value)) this.settings(child, [...keys, key]);
  }

  private isMapOf(known: SchemaMap, value: unknown, keys: Keys): value is Record<string, unknown> {
    if (isMap(value)) return true;
    const hint = 'Write its keys below it, indented, each with a colon and a space.';
    this.invalid(keys, `is ${kindOf(value)}, but takes a map of keys: ${names(known)}`, hint);
    return false;
  }

  private isFaulty(value: unknown, leaf: Leaf, keys: Keys): boolean {
    const faults = faultsOf(value, formatOf(leaf), leaf.sensitive);
    for (const { item, what, hint } of faults) {
      const part = item === undefined ? value : (value as unknown[])[item];
      this.invalid(item === undefined ? keys : [...keys, item], what, hint ?? variableHint(part, leaf));
    }
    return faults.length > 0;
  }

  private put(value: unknown, keys: Keys): void {
    this.draft.put(keys as string[], value, this.source(keys));
    this.markParts(value, keys, pathOf(keys));
  }

  /**
   * Records the line of each part of the value at `path`, so that a later check can name the line of a single subject of
   * a stream. `keys` lead to the value in the file.
   */
  private markParts(value: unknown, keys: Keys, path: string): void {
    if (!Array.isArray(value) && !isMap(value)) return;
    const parts: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, part] of parts) {
      const at = pathOf([key], path);
      this.draft.mark(at, this.source([...keys, key]));
      this.markParts(part, [...keys, key], at);
    }
  }

  private unknown(keys: Keys, known: SchemaMap): void {
    const key = String(keys.at(-1));
    const word = firstWord(key);
    const meant = nearest(word, Object.keys(known)) ?? elsewhere(word);
    const message = `unknown key ${shownKey(pathOf(keys))}${meant ? `: did you mean "${meant}"?` : ''}`;
    const mend = meant ? `Write ${meant}.` : `Remove it. The keys here are: ${names(known)}.`;
    this.refuseKey(keys, message, key.includes(':') ? 'Write a space after the colon.' : mend);
  }

  private invalid(keys: Keys, what: string, hint?: string): void {
    this.draft.reportValue(pathOf(keys) || 'the file', this.source(keys), what, hint);
  }

  private refuseKey(keys: Keys, message: string, hint: string): void {
    this.draft.report('JP_CONFIG_UNKNOWN_KEY', pathOf(keys), this.source(keys), message, hint);
  }

  private source(keys: Keys): Source {
    return { layer: 'file', file: this.file.file, line: this.file.lineOf(pathOf(keys)) };
  }
}

/** A hint for a text such as `${NATS_URL}`, in which some programs put the value of a variable. */
function variableHint(value: unknown, { env }: Leaf): string | undefined {
  if (typeof value !== 'string' || !/\$\{\w+|^\$\w+$/.test(value)) return undefined;
  const own = env === undefined ? 'Write the value itself' : `Write the value itself, or set ${env} in its place`;
  return `${own}: no variables are replaced in a file.`;
}

function pathOf(keys: Keys, above = ''): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === 'number') return `${path}[${key}]`;
    return path === '' ? key : `${path}.${key}`;
  }, above);
}

/** Returns the key without a value that follows its colon with no space between, as in `port:4222`. */
function firstWord(key: string): string {
  return key.split(/[\s:@]/)[0]!;
}

function names(map: SchemaMap): string {
  return Object.keys(map).join(', ');
}
