import { PluginLog } from '../../../../host/records/commits/plugin-log';
import { Transaction } from '../../../../host/records/commits/transaction';
import type { EventOf, RunChanges } from '../../../../host/records/commits/commit';
import type { CommitResult } from '../../../../host/records/commits/finished-runs';
import { SettledSet } from '../../../../host/records/settled-set';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import type { Draw } from '../../../support/draws';
import { FakeLog, SharedLog } from './fake-log';
import { DURABLE, INCARNATION, SharedSettled } from './model-events';
import { TurnTime } from './turn-time';

/** Every answer takes the shortest time. */
export const AT_ONCE: Draw = () => 0;

/** Waits for turns of the event loop. */
export async function after(count = 20): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}

export const eventOf = (sequence: number): EventOf => ({ durable: DURABLE, incarnation: INCARNATION, sequence });

export function changesOf(sequence: number, { writes }: Transaction, more: Partial<RunChanges> = {}): RunChanges {
  return { origin: { handler: 'h', timeMs: 1 }, event: eventOf(sequence), writes: new Map(writes), emits: [], ...more };
}

/** The server of several hosts of a test: a log, a bucket and the record of settled events. */
export class Server {
  readonly shared = new SharedLog();
  readonly record = new SettledSet();

  constructor(readonly bucket = new MemoryBucket('b')) {}

  /** Loses everything. A host creates the log and the bucket again. */
  lose(): void {
    const { shared, bucket } = this;
    shared.commits.clear();
    shared.last += 1_000_000;
    shared.first = shared.begins = shared.last + 1;
    bucket.entries.clear();
  }

  /** Removes commits, as a host does behind a checkpoint. */
  trim(upTo: number): void {
    for (; this.shared.first <= upTo; this.shared.first++) this.shared.commits.delete(this.shared.first);
  }
}

/** A host of a test, with one handler. */
export class TestHost {
  readonly time = new TurnTime();
  readonly halts: Error[] = [];
  readonly losses: string[] = [];
  readonly troubles: string[] = [];
  readonly settled: SharedSettled;
  readonly log: PluginLog;
  readonly fake: FakeLog;

  constructor(
    readonly server: Server,
    name: string,
  ) {
    this.settled = new SharedSettled(server.record, AT_ONCE);
    this.fake = new FakeLog(server.shared, AT_ONCE);
    this.log = new PluginLog({
      host: name,
      log: this.fake,
      bucket: server.bucket,
      time: this.time,
      trouble: (message) => this.troubles.push(message),
      lost: ({ code }) => this.losses.push(code),
      halted: (error) => this.halts.push(error),
    });
    this.log.add(this.settled);
  }

  /** Runs an event that appends its sequence to the key's text. */
  async run(sequence: number, key = 'a', transaction = new Transaction()): Promise<CommitResult> {
    const { transactions } = this.log;
    const locking = transactions.lock(transaction, key);
    if (locking) await locking;
    const text = await transactions.read(transaction, key);
    transactions.write(transaction, key, `${text ?? ''}.${sequence}`);
    return transactions.finish(transaction, [changesOf(sequence, transaction)]);
  }

  async close(): Promise<void> {
    await this.log.close();
    this.time.end();
  }
}

/** Opens a host, and closes it after the test. */
export async function openHost(server: Server, name = 'host'): Promise<TestHost> {
  const host = new TestHost(server, name);
  open.push(host);
  await host.log.open();
  return host;
}

const open: TestHost[] = [];
export async function closeHosts(): Promise<void> {
  await Promise.all(open.splice(0).map((host) => host.close()));
}
