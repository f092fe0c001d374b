import { randomBytes } from 'node:crypto';
import type { KeyValue } from './key-value';

/** Keeps texts that are too long for where they belong; that place keeps their name. */
export interface LongTexts {
  /** Stores a text and resolves with a fresh name, which stands for this text and never for another. */
  put(text: string): Promise<string>;
  /** The text, or nothing where it has been removed. */
  get(name: string): Promise<string | undefined>;
  /** Resolves when it is gone, or when it is said that it stays for good: nothing depends on it. */
  remove(name: string): Promise<void>;
  /** Says that a text is gone which somebody needs. */
  missed(name: string, details: object): void;
}

/** In UTF-16 units; a message of them stays well below what any server takes. */
const PIECE_LENGTH = 65_536;

/** Keeps them in the host's bucket: `text.<random>.<piece>`. */
export class KvLongTexts implements LongTexts {
  /** @param warn told what went wrong that nobody waits for */
  constructor(
    private readonly records: KeyValue,
    private readonly warn: (message: string, details: object) => void,
  ) {}

  async put(text: string): Promise<string> {
    const pieces = cut(text);
    const random = randomBytes(9).toString('base64url');
    await Promise.all(pieces.map((piece, i) => this.records.put(`text.${random}.${i}`, piece, 0)));
    return `${random}.${pieces.length}`;
  }

  async get(name: string): Promise<string | undefined> {
    const [random, count] = name.split('.');
    const keys = Array.from({ length: Number(count) }, (_, i) => `text.${random}.${i}`);
    const pieces = await Promise.all(keys.map(async (key) => (await this.records.get(key))?.value));
    return pieces.includes(undefined) ? undefined : pieces.join('');
  }

  async remove(name: string): Promise<void> {
    const [random] = name.split('.');
    try {
      await this.records.purge(`text.${random}.>`);
    } catch (error) {
      this.warn('a record that nobody needs any more could not be removed', { record: `text.${random}`, err: error });
    }
  }

  missed(name: string, details: object): void {
    this.warn('a record is gone that a repeat needs', { record: `text.${name}`, ...details });
  }
}

/** At least one piece; none ends within a character. */
function cut(text: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  do {
    let to = Math.min(from + PIECE_LENGTH, text.length);
    if (to < text.length && /[\ud800-\udbff]/.test(text[to - 1]!)) to--;
    pieces.push(text.slice(from, to));
    from = to;
  } while (from < text.length);
  return pieces;
}
