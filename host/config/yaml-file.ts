import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { JetplugError, type ErrorCode } from '../../sdk/internal';
import { isExactDecimal } from '../base/exact-numbers';
import { utf8 } from '../base/utf8';
import { formatSize } from './size';
import { explain } from './yaml-errors';

/** A YAML file as plain values, and the line of each value. */
export interface YamlFile {
  readonly file: string;
  /** `null` if the file is empty or cannot be read. */
  readonly root: unknown;
  readonly problems: readonly JetplugError[];
  /** The line of a key or list item, by its path: `delivery.ackWait`, `streams[0].subjects[1]`. */
  lineOf(path: string): number;
}

/** Limits against aliases that multiply the contents of a file. No real config comes near them. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 50;
const MAX_BYTES = 1024 ** 2;

/**
 * Reads a YAML 1.2 file strictly. Problems are: a repeated key, a tag, an alias without a target, a key that is not
 * text, too many values, too deep nesting and more than 1 MiB.
 *
 * @returns `undefined` if there is no such file
 */
export function readYamlFile(file: string): YamlFile | undefined {
  let text: string;
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_BYTES) return broken(file, tooLarge(file));
    text = utf8(bytes);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return broken(file, unreadable(file, READ_ERRORS[code] ?? `the file cannot be read (${code})`, { cause: error }));
  }
  return parse(file, text);
}

export function unreadable(file: string, message: string, details: { line?: number; hint?: string; cause?: unknown }) {
  return new JetplugError('JP_CONFIG_UNREADABLE', message, { file, ...details });
}

function tooLarge(file: string): JetplugError {
  const message = `the file is larger than ${formatSize(MAX_BYTES)}, the limit of a config file`;
  return unreadable(file, message, { line: 1, hint: 'Check that this is the config file, and not another file.' });
}

const READ_ERRORS: Record<string, string> = {
  EACCES: 'the file may not be read',
  EISDIR: 'this is a folder, not a file',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'the file is not UTF-8 text',
};

function parse(file: string, text: string): YamlFile {
  const counter = new LineCounter();
  const lineAt = (offset: number): number => counter.linePos(offset).line;
  // With a fixed schema, a line %YAML 1.1 cannot change which values are booleans, numbers or dates.
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: false,
    schema: 'core',
    resolveKnownTags: false,
  });
  // Later errors are mostly consequences of the first.
  const error = document.errors[0] ?? document.warnings[0];
  if (error) {
    const [what, hint] = explain(error);
    // The parser finds an unclosed quote or bracket at the end of the file, often on an empty line.
    const line = lineAt(Math.min(error.pos[0], Math.max(0, text.trimEnd().length - 1)));
    return broken(file, unreadable(file, `not valid YAML: ${what}`, { line, hint }));
  }
  const reader = new Reader(file, document, lineAt);
  const root = reader.read(document.contents, '', 1, 0) ?? null;
  return { file, root, problems: reader.problems, lineOf: (path) => reader.lines.get(path) ?? 1 };
}

function broken(file: string, problem: JetplugError): YamlFile {
  return { file, root: null, problems: [problem], lineOf: () => 1 };
}

class Reader {
  readonly problems: JetplugError[] = [];
  readonly lines = new Map<string, number>();
  private values = 0;

  constructor(
    private readonly file: string,
    private readonly document: Document,
    private readonly lineAt: (offset: number) => number,
  ) {}

  /**
   * @returns the value, or `undefined` if it is refused. The caller then omits the key, or the whole list that holds the
   * value, so that no later check reports the same fault again.
   */
  read(node: unknown, path: string, line: number, depth: number): unknown {
    if (depth > MAX_DEPTH) return this.refuse(line, `values are nested more than ${MAX_DEPTH} deep`);
    if (++this.values > MAX_VALUES) return this.overflow(line);
    if (isAlias(node)) {
      const target = node.resolve(this.document);
      if (target) return this.read(target, path, line, depth + 1);
      return this.refuse(line, 'an alias (*) has no target', 'Put text that begins with * in quotes.');
    }
    if (isMap(node)) return this.readMap(node.items, path, depth);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => {
        const at = `${path}[${i}]`;
        return this.read(item, at, this.mark(at, item as Node | null, line), depth + 1);
      });
      return items.includes(undefined) ? undefined : items;
    }
    if (!isScalar(node)) return null;
    return typeof node.value === 'number' && !isExact(node.source ?? '', node.value)
      ? this.refuseNumber(path, line)
      : node.value;
  }

  /**
   * Reports a number that cannot be represented exactly. The message does not repeat the number, which may be a secret.
   */
  private refuseNumber(path: string, line: number): undefined {
    const message = `${shownKey(path)} is a number that cannot be represented exactly`;
    const isSetting = /^plugins\.[^.]+\.settings\b/.test(path);
    const hint = isSetting ? 'Write it as a string, in quotes.' : 'Write a number of at most 15 digits.';
    this.refuse(line, message, hint, 'JP_NUMBER_INEXACT');
  }

  private readMap(items: readonly { key: unknown; value: unknown }[], path: string, depth: number): unknown {
    const map: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const line = this.lineAt((key as Node | null)?.range?.[0] ?? 0);
      const name = keyText(key);
      if (name === undefined) {
        this.refuse(line, 'a key is not text', 'Write it as text, in quotes if need be.');
        continue;
      }
      const at = path === '' ? name : `${path}.${name}`;
      if (name === '__proto__') {
        this.refuse(line, `unknown key ${shownKey(at)}`, 'Remove it.', 'JP_CONFIG_UNKNOWN_KEY');
      } else if (Object.hasOwn(map, name)) {
        this.refuse(line, `${shownKey(at)} is given twice`, `Keep this one or that of line ${this.lines.get(at)}.`);
      } else {
        this.lines.set(at, line);
        const read = this.read(value, at, line, depth + 1);
        if (read !== undefined) map[name] = read;
      }
    }
    return map;
  }

  private mark(path: string, item: Node | null, otherwise: number): number {
    const line = item?.range ? this.lineAt(item.range[0]) : otherwise;
    this.lines.set(path, line);
    return line;
  }

  private overflow(line: number): undefined {
    const message = `the file holds more than ${MAX_VALUES.toLocaleString('en')} values, aliases counted each time`;
    // The problem is reported once; all later values are left out.
    return this.values === MAX_VALUES + 1
      ? this.refuse(line, message, 'Keep large data in a file of the plugin’s own.')
      : undefined;
  }

  private refuse(
    line: number,
    message: string,
    hint = 'Correct the line named.',
    code: ErrorCode = 'JP_CONFIG_UNREADABLE',
  ): undefined {
    this.problems.push(new JetplugError(code, message, { file: this.file, line, hint }));
  }
}

/** Whether a JavaScript number holds a written number exactly: `12`, `1e3`, `0x1F` or `0o17`. */
function isExact(source: string, value: number): boolean {
  if (/^0[xo]/.test(source)) return Number.isFinite(value) && BigInt(source) === BigInt(value);
  return isExactDecimal(source);
}

/**
 * Returns a key or path in a form that may be shown. A value that belongs to the key is cut off: `password:hunter2`,
 * with no space after the colon, is one key.
 */
export function shownKey(path: string): string {
  const shown = /^[^\s:@]{0,100}/.exec(path)![0];
  return JSON.stringify(shown === path ? shown : `${shown}…`);
}

function keyText(key: unknown): string | undefined {
  if (!isScalar(key) || key.value === null) return undefined;
  // The form in the file counts, because the key 007 is not the key 7.
  return typeof key.value === 'string' ? key.value : key.source;
}
