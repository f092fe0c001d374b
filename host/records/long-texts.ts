import { randomBytes } from 'node:crypto';
import type { KeyValue } from './key-value';

/** Keeps texts that are too long for where they belong; that place keeps their name. */
export interface LongTexts {
  /**
   * Stores a text and resolves with its name: one given, parted by dots, whose text before it replaces; or a
   * fresh one, which stands for this text and never for another.
   */
  put(text: string, name?: string): Promise<string>;
  /** The text, or nothing where it has been removed. */
  get(name: string): Promise<string | undefined>;
  /** Resolves when it is gone, or when it is said that it stays for good: nothing depends on it. */
  remove(name: string): Promise<void>;
  /** Says that a text is gone which somebody needs. */
  missed(name: string, details: object): void;
}

/** In UTF-16 units; a message of them stays well below what any server takes. */
const PIECE_LENGTH = 65_536;

/** Keeps them in the host's bucket: `text.<name>.<piece>`; the first piece says how many there are. */
export class KvLongTexts implements LongTexts {
  /** @param warn told what went wrong that nobody waits for */
  constructor(
    private readonly records: KeyValue,
    private readonly warn: (message: string, details: object) => void,
  ) {}

  async put(text: string, name = randomBytes(9).toString('base64url')): Promise<string> {
    const [first, ...more] = cut(text);
    const pieces = [`${more.length + 1}\n${first}`, ...more];
    await Promise.all(pieces.map((piece, i) => this.records.put(`text.${name}.${i}`, piece)));
    return name;
  }

  async get(name: string): Promise<string | undefined> {
    const first = await this.pieceAt(name, 0);
    if (first === undefined) return undefined;
    const end = first.indexOf('\n');
    const others = Array.from({ length: Number(first.slice(0, end)) - 1 }, (_, i) => this.pieceAt(name, i + 1));
    const pieces = [first.slice(end + 1), ...(await Promise.all(others))];
    return pieces.includes(undefined) ? undefined : pieces.join('');
  }

  async remove(name: string): Promise<void> {
    try {
      await this.records.purge(`text.${name}.>`);
    } catch (error) {
      this.warn('a record that nobody needs any more could not be removed', { record: `text.${name}`, err: error });
    }
  }

  missed(name: string, details: object): void {
    this.warn('a record is gone that a repeat needs', { record: `text.${name}`, ...details });
  }

  private async pieceAt(name: string, i: number): Promise<string | undefined> {
    return (await this.records.get(`text.${name}.${i}`))?.value;
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
