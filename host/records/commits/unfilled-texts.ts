/** A committed text that the bucket may not have yet. */
export interface UnfilledText {
  readonly text: string | null;
  readonly position: number;
  readonly sinceMs: number;
}

/** The memory that an entry takes besides its key and its text. */
const ENTRY_BYTES = 200;

/** Texts that the bucket may not have yet, by key, in the order of their positions. */
export class UnfilledTexts extends Map<string, UnfilledText> {
  /** An estimate of the memory that the texts take. */
  bytes = 0;

  override set(key: string, text: UnfilledText): this {
    this.bytes += bytesOf(key, text) - this.present(key);
    return super.set(key, text);
  }

  override delete(key: string): boolean {
    this.bytes -= this.present(key);
    return super.delete(key);
  }

  override clear(): void {
    this.bytes = 0;
    super.clear();
  }

  /** Adds earlier texts. Of two texts of a key, the later one stays. */
  merge(texts: ReadonlyMap<string, Omit<UnfilledText, 'sinceMs'>>, sinceMs: number): void {
    const all = new Map<string, UnfilledText>();
    for (const [key, text] of texts) all.set(key, { ...text, sinceMs });
    for (const [key, text] of this) if (text.position >= (all.get(key)?.position ?? 0)) all.set(key, text);
    this.clear();
    for (const [key, text] of [...all].sort(([, a], [, b]) => a.position - b.position)) this.set(key, text);
  }

  private present(key: string): number {
    const text = this.get(key);
    return text ? bytesOf(key, text) : 0;
  }
}

function bytesOf(key: string, { text }: UnfilledText): number {
  return ENTRY_BYTES + key.length + (text?.length ?? 0);
}
