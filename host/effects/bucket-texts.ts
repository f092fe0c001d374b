import type { ForEvent } from '../../sdk';
import { isJetplugError } from '../../sdk/internal';
import { currentRun, currentScope, type Run } from '../message/run';
import type { KeyValue } from '../records/key-value';
import { KeyWriters } from '../records/key-writers';
import { escapeKey, unescapeKey } from './store-keys';
import { TextStore, type StoreTexts } from './text-store';
import type { Change } from '../records/write-batch';

/**
 * A store's texts in a bucket. Within a handler, each change is applied once for the event, however often the event is
 * delivered.
 */
export class BucketTexts implements StoreTexts {
  private readonly writers: KeyWriters;

  constructor(private readonly bucket: KeyValue) {
    this.writers = new KeyWriters(bucket);
  }

  async get(key: string, scope: string | undefined): Promise<string | undefined> {
    currentScope()?.assertLive('Store.get');
    return (await this.bucket.get(escapeKey(key, scope)))?.value;
  }

  async change(
    key: string,
    scope: string | undefined,
    change: Change,
    { what, ...options }: ForEvent & { what: string },
  ): Promise<string | undefined> {
    const run = currentRun(what, options.for);
    const escaped = escapeKey(key, scope);
    if (!run) return this.writers.write(escaped, change);
    return this.changeOnce(escaped, run, (current) => {
      run.assertLive(what);
      return change(current);
    });
  }

  async keys(scope: string | undefined): Promise<string[]> {
    currentScope()?.assertLive('Store.keys');
    const keys = (await this.bucket.keys()).map(unescapeKey);
    return keys.filter((one) => one.scope === scope).map(({ key }) => key);
  }

  private async changeOnce(escaped: string, run: Run, change: Change): Promise<string | undefined> {
    const before = run.appliedBefore(escaped);
    if (before) return before[2] ?? undefined;
    const identity = run.nextIdentity(escaped);
    // Until the server answers, it is unknown whether the update was applied.
    run.unanswered++;
    try {
      const text = await this.writers.write(escaped, change, identity);
      run.unanswered--;
      run.applied.push([escaped, identity.ordinal, text ?? null]);
      return text;
    } catch (error) {
      if (!isUnanswered(error)) run.unanswered--;
      throw error;
    }
  }
}

/**
 * Whether the server did not answer the write, so that the update may be written. After any other error, the update is
 * certainly not written.
 */
function isUnanswered(error: unknown): boolean {
  return isJetplugError(error) && error.code === 'JP_STORE_UNAVAILABLE';
}

/** A plugin's store on a bucket. */
export class KvStore<T> extends TextStore<T> {
  constructor(bucket: KeyValue) {
    super(new BucketTexts(bucket));
  }
}
