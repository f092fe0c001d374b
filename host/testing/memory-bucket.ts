import { JetplugError } from '../../sdk/internal';
import { Conflict, type Entry, type KeyValue } from '../records/key-value';

/** The size of the largest message that a server takes, with the message's headers. */
const MAX_MESSAGE_BYTES = 1_048_576;

/** A bucket in memory, with the revisions and conflicts of a real one. */
export class MemoryBucket implements KeyValue {
  readonly entries = new Map<string, Entry>();
  private revision = 0;

  constructor(private readonly name: string) {}

  async get(key: string): Promise<Entry | undefined> {
    return this.entries.get(key);
  }

  async put(key: string, value: string, expected?: number, position?: number): Promise<number> {
    return this.write(key, value, expected, position);
  }

  async delete(key: string, expected?: number, position?: number): Promise<number> {
    return this.write(key, undefined, expected, position);
  }

  async purge(key: string): Promise<void> {
    const below = key.endsWith('.>') ? key.slice(0, -1) : undefined;
    for (const each of [...this.entries.keys()]) {
      if (below === undefined ? each === key : each.startsWith(below)) this.entries.delete(each);
    }
  }

  async keys(under?: string): Promise<string[]> {
    const keys = [...this.entries].filter(([, { value }]) => value !== undefined).map(([key]) => key);
    return under === undefined ? keys : keys.filter((key) => key.startsWith(`${under}.`));
  }

  async entryKeys(): Promise<string[]> {
    return [...this.entries.keys()];
  }

  /** Removes everything. Revisions begin at 1 again. */
  protected clear(): void {
    this.entries.clear();
    this.revision = 0;
  }

  private write(key: string, value: string | undefined, expected: number | undefined, position?: number): number {
    if (Buffer.byteLength(value ?? '') > MAX_MESSAGE_BYTES) {
      throw new JetplugError('JP_STORE_VALUE_INVALID', `${this.name}: the value is larger than the server takes`);
    }
    if (expected !== undefined && expected !== (this.entries.get(key)?.revision ?? 0)) throw new Conflict(this.name);
    const revision = ++this.revision;
    this.entries.set(key, { value, revision, ...(position !== undefined && { position }) });
    return revision;
  }
}
