import { randomBytes } from 'node:crypto';
import type { KeyValue } from './key-value';

/**
 * Stores texts that are too long for their header. Each is stored under a name, which the header holds in place of the
 * text.
 */
export interface LongTexts {
  /**
   * Stores a text and resolves with its name.
   * @param name parts with dots between them; an earlier text of this name is replaced. Default: a new random name
   */
  put(text: string, name?: string): Promise<string>;
  /** Reads the text; undefined if it was removed. */
  get(name: string): Promise<string | undefined>;
  /**
   * Removes a text that nothing needs any more. Resolves when it is removed, or when a failure to remove it is logged.
   */
  remove(name: string): Promise<void>;
  /** Logs that a needed text does not exist. */
  missed(name: string, details: object): void;
}

/** The length of a piece in UTF-16 units. A message of this length is well below the size limit of any server. */
const PIECE_LENGTH = 65_536;

/**
 * Stores long texts in the host's bucket, as `text.<name>.<piece>`. The first piece starts with the number of pieces.
 */
export class KvLongTexts implements LongTexts {
  /** @param warn logs failures for which no caller waits */
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
      this.warn('unused record could not be removed', { record: `text.${name}`, err: error });
    }
  }

  missed(name: string, details: object): void {
    this.warn('record needed for a repeated update is missing', { record: `text.${name}`, ...details });
  }

  private async pieceAt(name: string, i: number): Promise<string | undefined> {
    return (await this.records.get(`text.${name}.${i}`))?.value;
  }
}

/** Cuts a text into one or more pieces. No piece ends inside a surrogate pair. */
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
