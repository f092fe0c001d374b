import type { Entry } from '../../host/records/key-value';
import { MemoryBucket } from '../../host/testing/memory-bucket';

/** The kit's bucket, for tests that count its requests, let them fail or draw their order. */
export class MemoryKeyValue extends MemoryBucket {
  /** How often each operation was requested. */
  readonly calls = { get: 0, put: 0 };
  /** The error that the next request fails with, once. */
  failNext: Error | undefined;
  renewals = 0;

  /** @param turn awaited before and after each request; a test may draw the order */
  constructor(private readonly turn: () => Promise<unknown> = () => Promise.resolve()) {
    super('test');
  }

  override async get(key: string): Promise<Entry | undefined> {
    this.calls.get++;
    await this.reach();
    return super.get(key);
  }

  override async put(key: string, value: string, expected?: number, marks?: string): Promise<number> {
    this.calls.put++;
    return this.request(marks, () => super.put(key, value, expected, marks));
  }

  override async delete(key: string, expected?: number, marks?: string): Promise<number> {
    return this.request(marks, () => super.delete(key, expected, marks));
  }

  override async purge(key: string): Promise<void> {
    await this.request(undefined, () => super.purge(key));
  }

  override async marked(): Promise<{ key: string; marks: string }[]> {
    await this.reach();
    return super.marked();
  }

  override async keys(under?: string): Promise<string[]> {
    await this.reach();
    return super.keys(under);
  }

  /** Simulates the loss of the bucket on the server: it is created again empty, and its revisions start again. */
  renew(): void {
    this.clear();
    this.renewals++;
  }

  private async request<T>(marks: string | undefined, work: () => Promise<T>): Promise<T> {
    // A header is one line of ASCII, and the server takes 64 KiB of them.
    if (marks !== undefined && (!/^[\x20-\x7e]*$/.test(marks) || marks.length > 65_000)) throw new Error('bad header');
    await this.reach();
    const answer = await work();
    await this.turn();
    return answer;
  }

  private async reach(): Promise<void> {
    await this.turn();
    const error = this.failNext;
    this.failNext = undefined;
    if (error) throw error;
  }
}
