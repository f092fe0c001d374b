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

  override async put(key: string, value: string, expected?: number, position?: number): Promise<number> {
    this.calls.put++;
    return this.request(() => super.put(key, value, expected, position));
  }

  override async delete(key: string, expected?: number, position?: number): Promise<number> {
    return this.request(() => super.delete(key, expected, position));
  }

  override async purge(key: string): Promise<void> {
    await this.request(() => super.purge(key));
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

  private async request<T>(work: () => Promise<T>): Promise<T> {
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
