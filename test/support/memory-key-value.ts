import { Conflict, type Entry, type KeyValue } from '../../host/records/key-value';

/** A bucket in memory, with the revisions and conflicts of a real one. */
export class MemoryKeyValue implements KeyValue {
  readonly entries = new Map<string, Entry>();
  /** How often each operation was asked for. */
  readonly calls = { get: 0, put: 0 };
  /** What the next request fails with, once. */
  failNext: Error | undefined;
  renewals = 0;
  private revision = 0;

  /** @param turn what a request waits for, there and back: a test may draw the order */
  constructor(private readonly turn: () => Promise<unknown> = () => Promise.resolve()) {}

  async get(key: string): Promise<Entry | undefined> {
    this.calls.get++;
    await this.reach();
    return this.entries.get(key);
  }

  async put(key: string, value: string, expected?: number, marks?: string): Promise<number> {
    this.calls.put++;
    return this.write(key, value, expected, marks);
  }

  async delete(key: string, expected?: number, marks?: string): Promise<number> {
    return this.write(key, undefined, expected, marks);
  }

  async purge(key: string): Promise<void> {
    await this.reach();
    for (const each of [...this.entries.keys()]) {
      if (key.endsWith('.>') ? each.startsWith(key.slice(0, -1)) : each === key) this.entries.delete(each);
    }
    await this.turn();
  }

  async marked(): Promise<{ key: string; marks: string }[]> {
    await this.reach();
    return [...this.entries].flatMap(([key, { marks }]) => (marks ? [{ key, marks }] : []));
  }

  async keys(under?: string): Promise<string[]> {
    await this.reach();
    const keys = [...this.entries].filter(([, { value }]) => value !== undefined).map(([key]) => key);
    return under === undefined ? keys : keys.filter((key) => key.startsWith(`${under}.`));
  }

  /** It is lost with all that it held, and made again: its revisions count anew. */
  renew(): void {
    this.entries.clear();
    this.revision = 0;
    this.renewals++;
  }

  private async write(
    key: string,
    value: string | undefined,
    expected: number | undefined,
    marks: string | undefined,
  ): Promise<number> {
    // A header is one line of ASCII, and the server takes 64 KiB of them.
    if (marks !== undefined && (!/^[\x20-\x7e]*$/.test(marks) || marks.length > 65_000)) throw new Error('bad header');
    await this.reach();
    if (expected !== undefined && expected !== (this.entries.get(key)?.revision ?? 0)) throw new Conflict(key);
    const revision = ++this.revision;
    this.entries.set(key, { value, revision, marks: marks ?? '' });
    // The answer takes its way, too.
    await this.turn();
    return revision;
  }

  private async reach(): Promise<void> {
    await this.turn();
    const error = this.failNext;
    this.failNext = undefined;
    if (error) throw error;
  }
}
