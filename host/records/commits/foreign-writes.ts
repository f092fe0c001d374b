import type { Time, Timer } from '../../base/time';
import type { Entry, KeyValue } from '../key-value';
import { CHECKPOINT_KEY } from './checkpoint';

export interface ForeignWritesOptions {
  readonly bucket: KeyValue;
  readonly time: Time;
  /** Changes when the fold forgets values that commits have taken up. An entry that was requested before may be one. */
  adoptionsForgotten(): number;
  /** Takes up a value that another program has written. */
  found(key: string, entry: Entry): void;
  /** Called if a value cannot be read. It is then taken up when a commit changes its key. */
  failed(error: unknown): void;
}

/** A written value is not in the bucket at once, so it is read several times. */
const READ_AFTER_MS = [0, 20, 200];
/** A host that leaves the work to another host resumes when it has not heard of that one for this long. */
const LISTEN_AGAIN_MS = 5_000;

/** Listens for values that other programs write to the bucket, so that they are taken up at once. */
export class ForeignWrites {
  private unlisten: (() => void) | undefined;
  private readonly reading = new Set<string>();
  private resume: Timer | undefined;
  private isOver = false;

  constructor(private readonly options: ForeignWritesOptions) {}

  start(): void {
    this.resume?.cancel();
    if (this.isOver) return;
    this.unlisten ??= this.options.bucket.onForeignWrite?.((key) => {
      if (key !== CHECKPOINT_KEY && !this.reading.has(key)) void this.read(key);
    });
  }

  /** Leaves the work to another host, which has shown that it is alive. */
  yield(): void {
    this.unlisten?.();
    this.unlisten = undefined;
    this.resume?.cancel();
    if (!this.isOver) this.resume = this.options.time.after(LISTEN_AGAIN_MS, () => this.start());
  }

  stop(): void {
    this.isOver = true;
    this.yield();
  }

  private async read(key: string): Promise<void> {
    const { bucket, time, adoptionsForgotten, found, failed } = this.options;
    this.reading.add(key);
    try {
      for (const waitMs of READ_AFTER_MS) {
        await new Promise<void>((resolve) => time.after(waitMs, resolve));
        if (this.isOver) return;
        // A write that arrives from now on is read again.
        this.reading.delete(key);
        const before = adoptionsForgotten();
        const entry = await bucket.get(key, { latest: true });
        const isForeign = entry && entry.position === undefined && before === adoptionsForgotten();
        if (isForeign) return found(key, entry);
      }
    } catch (error) {
      failed(error);
    } finally {
      this.reading.delete(key);
    }
  }
}
