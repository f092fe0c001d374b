import { machineTime, type Time, type Timer } from '../../base/time';
import { cut } from '../../base/utf8';
import type { DeadLetterStream } from '../../nats/dead-letter-stream';
import type { LetterState } from '../../nats/letter-state';
import { summarise, type DeadLetterSummary } from '../dead-letter-summary';

/** For so long after a read, the letters are returned without asking the server again. */
const FRESH_MS = 300;
const IDLE_MS = 5 * 60_000;
/** A letter takes some 300 bytes, and one with a long error of its own some 700. */
const MAX_LETTERS = 200_000;
/** The number of characters of an error that the index keeps. */
const MAX_ERROR = 300;
/** The number of different texts that are remembered, so that letters share them. */
const MAX_TEXTS = 50_000;

export interface IndexOptions {
  readonly time?: Time;
  /** How long the letters are kept after the last read, in ms. Default: 5 min. */
  readonly idleMs?: number;
  /** Of more letters, only the newest are kept. Default: 200,000. */
  readonly maxLetters?: number;
}

/** The letters of an index at one moment. */
export interface IndexedLetters {
  /** The oldest first. Long errors are cut. */
  readonly letters: readonly DeadLetterSummary[];
  /** The number of older letters that the index has no room for. */
  readonly left: number;
}

const NONE: readonly DeadLetterSummary[] = [];

/**
 * The summaries of all dead letters, in memory. They are read when they are first asked for. Each later read takes only
 * the changes: new letters from the end of the stream, and removed ones if the number of letters does not agree. No
 * consumer stays on the server. When nobody reads for a while, the memory is freed.
 */
export class LetterIndex {
  private letters = NONE;
  private state: LetterState | undefined;
  private left = 0;
  private lastId = 0;
  private readAtMs = -Infinity;
  private reading: Promise<void> | undefined;
  private idle: Timer | undefined;
  private readonly texts = new SharedTexts();
  private readonly time: Time;

  constructor(
    private readonly stream: Pick<DeadLetterStream, 'list' | 'state' | 'removedIds'>,
    private readonly options: IndexOptions = {},
  ) {
    this.time = options.time ?? machineTime;
  }

  /** Returns the letters as they are now, or were less than a second ago. */
  async read(): Promise<IndexedLetters> {
    this.idle?.cancel();
    if (this.time.nowMs() - this.readAtMs > FRESH_MS) {
      this.reading ??= this.refresh().finally(() => (this.reading = undefined));
      await this.reading;
    }
    this.idle?.cancel();
    this.idle = this.time.after(this.options.idleMs ?? IDLE_MS, () => this.clear());
    return { letters: this.letters, left: this.left };
  }

  /** Makes the next read ask the server. Call it after a change of letters. */
  expire(): void {
    this.readAtMs = -Infinity;
  }

  /** Frees the memory and the timer. */
  close(): void {
    this.idle?.cancel();
    this.clear();
  }

  private clear(): void {
    this.letters = NONE;
    this.state = undefined;
    this.left = 0;
    this.lastId = 0;
    this.texts.clear();
    this.expire();
  }

  private async refresh(): Promise<void> {
    const state = await this.stream.state();
    const isSame = state?.created === this.state?.created && (state?.lastId ?? 0) >= this.lastId;
    if (!state || !isSame) this.clear();
    if (!state) return;
    const isChanged = state.lastId !== this.state?.lastId || state.count !== this.state.count;
    if (isChanged) await this.takeChanges(state);
    this.state = state;
    this.readAtMs = this.time.nowMs();
  }

  private async takeChanges(state: LetterState): Promise<void> {
    const added: DeadLetterSummary[] = [];
    if (state.lastId > this.lastId) {
      for await (const letter of this.stream.list({ after: this.lastId }))
        added.push(this.texts.share(summarise(letter)));
    }
    let letters = [...this.letters, ...added].filter(({ id }) => id >= state.firstId);
    // More letters than the stream has: some were removed. With letters left out, the numbers do not tell.
    if (letters.length > state.count || this.left > 0) {
      const removed = await this.stream.removedIds();
      letters = letters.filter(({ id }) => !removed.has(id));
    }
    this.lastId = Math.max(state.lastId, added.at(-1)?.id ?? 0);
    this.letters = letters.slice(-(this.options.maxLetters ?? MAX_LETTERS));
    this.left = Math.max(0, state.count - this.letters.length);
  }
}

/** Lets summaries share equal texts, and makes them independent of the messages that they were read from. */
class SharedTexts {
  private readonly known = new Map<string, string>();

  share(letter: DeadLetterSummary): DeadLetterSummary {
    const { plugin, handler, reason, error, subject, stream, fingerprint, time } = letter;
    return {
      ...letter,
      plugin: this.text(plugin),
      handler: this.text(handler),
      reason: this.text(reason),
      error: this.text(cut(error, MAX_ERROR)),
      subject: this.text(subject),
      stream: this.text(stream),
      fingerprint: this.text(fingerprint),
      time: copied(time),
    };
  }

  clear(): void {
    this.known.clear();
  }

  private text(text: string): string {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    if (this.known.size >= MAX_TEXTS) this.known.clear();
    const copy = copied(text);
    this.known.set(copy, copy);
    return copy;
  }
}

/** A part of a text refers to the whole text, here to all headers of a letter, and would keep it in memory. */
function copied(text: string): string {
  return Buffer.from(text).toString();
}
