import type { Emit, EventOf, RunChanges } from '../../../../host/records/commits/commit';
import { PluginLog } from '../../../../host/records/commits/plugin-log';
import { Transaction } from '../../../../host/records/commits/transaction';
import type { SettledSet } from '../../../../host/records/settled-set';
import type { Draw } from '../../../support/draws';
import { FakeLog, Gate, SlowBucket, turns, type Faults, type SharedBucket, type SharedLog } from './fake-log';
import { DURABLE, hasEffect, INCARNATION, partName, partsOf, SharedSettled, type Deliveries } from './model-events';
import { TurnTime } from './turn-time';

/** The state that all hosts share, and the notes of what they do. */
export interface World {
  readonly shared: SharedLog;
  readonly bucket: SharedBucket;
  readonly record: SettledSet;
  readonly deliveries: Deliveries;
  /** How often each emit was sent. */
  readonly sent: Map<string, number>;
  /** The values that the last attempt at each part of an event has read, by host. */
  readonly reads: Map<string, readonly (readonly [string, string | null])[]>;
  readonly thrown: Set<number>;
  readonly draw: Draw;
  readonly faults: Faults;
  /** The largest number of events in one run. */
  readonly batch: number;
  /** How far the time moves with each turn of the event loop. */
  readonly turnMs: number;
  readonly errors: unknown[];
}

type Result = 'done' | 'nak';

let hosts = 0;

/** A host that runs the programs of events. */
export class Host {
  readonly name = `host-${++hosts}`;
  readonly time: TurnTime;
  private readonly gate = new Gate();
  private readonly log: PluginLog;
  private readonly settled: SharedSettled;
  private ended = false;
  private readonly inHand = new Set<number>();

  /** A method, because it changes during each wait. */
  private isDead(): boolean {
    return this.ended;
  }

  constructor(private readonly world: World) {
    const { shared, bucket, draw, faults, record } = world;
    this.settled = new SharedSettled(record, draw);
    this.time = new TurnTime(this.gate, world.turnMs);
    this.log = new PluginLog({
      host: this.name,
      log: new FakeLog(shared, draw, faults, this.gate),
      bucket: new SlowBucket(bucket, draw, faults, this.gate),
      time: this.time,
      trouble: () => undefined,
      halted: (error) => {
        if (!this.isDead()) world.errors.push(error);
      },
    });
    this.log.add(this.settled);
  }

  async start(concurrency = 4): Promise<void> {
    try {
      await this.log.open();
    } catch (error) {
      if (!this.isDead()) this.world.errors.push(error);
    }
    for (let i = 0; i < concurrency; i++) void this.work();
  }

  /** Ends the host at once, as a kill does: nothing that it still does is seen by others. */
  kill(): void {
    this.ended = true;
    this.gate.isDead = true;
    this.gate.open();
    this.time.end();
    void this.log.close();
    this.world.deliveries.redeliver(this.name);
  }

  /** Stops the host in the middle of its work. Its events are delivered to other hosts meanwhile. */
  freeze(): void {
    this.gate.close();
    this.world.deliveries.redeliver(this.name);
  }

  wake(): void {
    this.gate.open();
  }

  private async turns(most?: number): Promise<void> {
    await turns(this.world.draw, most);
    await this.gate.pass();
  }

  private async work(): Promise<void> {
    while (!this.isDead() && !this.world.deliveries.isDone) {
      const batch = this.takeBatch();
      if (batch.length === 0) await turns(() => 2);
      else await this.handle(batch).catch((error: unknown) => this.world.errors.push(error));
      await this.turns(1);
    }
  }

  /** Takes events for one run. One with early commit points runs alone. */
  private takeBatch(): number[] {
    const { deliveries, draw, batch: most } = this.world;
    const batch: number[] = [];
    for (let left = most > 1 ? 1 + draw(most) : 1; left > 0; left--) {
      const sequence = deliveries.next(this.name);
      // A host ignores an event that it has already.
      if (sequence === undefined || this.inHand.has(sequence)) break;
      if (partsOf(deliveries.programs[sequence - 1]!).length > 1 && most > 1 && batch.length > 0) {
        deliveries.nak(sequence);
        break;
      }
      this.inHand.add(sequence);
      batch.push(sequence);
      if (partsOf(deliveries.programs[sequence - 1]!).length > 1) break;
    }
    return batch;
  }

  private async handle(batch: readonly number[]): Promise<void> {
    try {
      const isNew = batch.filter((sequence) => !this.settled.has(sequence));
      let result: Result = 'done';
      if (isNew.length === 1) result = await this.process(isNew[0]!);
      else if (isNew.length > 1) result = await this.processBatch(isNew);
      for (const sequence of batch) {
        if (this.isDead()) return;
        // A run of several events has no effect if one of them is settled; the others run again.
        if (result === 'nak' && !this.settled.has(sequence)) this.world.deliveries.nak(sequence);
        else await this.settle(sequence);
      }
    } finally {
      for (const sequence of batch) this.inHand.delete(sequence);
    }
  }

  private async settle(sequence: number): Promise<void> {
    const event = eventOf(sequence);
    await this.send(event);
    if (this.isDead()) return;
    this.settled.noteSettled(sequence, sequence);
    this.world.deliveries.ack(sequence);
  }

  /** Sends the emits of the event's commits. */
  private async send(event: EventOf): Promise<void> {
    const { sent } = this.world;
    const emits = this.log.sent.unsentOf(event);
    for (const { id } of emits) {
      await this.turns();
      if (this.isDead()) return;
      sent.set(id, (sent.get(id) ?? 0) + 1);
    }
    this.log.sent.note(event, emits);
  }

  /** Runs the parts of an event that are not committed yet. */
  private async process(sequence: number): Promise<Result> {
    const { folded, transactions } = this.log;
    const event = eventOf(sequence);
    const parts = partsOf(this.world.deliveries.programs[sequence - 1]!);
    let transaction = new Transaction();
    let sending: Promise<void> | undefined;
    for (;;) {
      if (folded.isSettled({ event })) {
        transactions.abandon(transaction);
        return 'done';
      }
      const index = folded.parts.of(event).length;
      const isLast = index === parts.length - 1;
      const result = await this.attempt([sequence], transaction, isLast ? undefined : index + 1);
      if (result === 'nak' || result === 'done') {
        await sending;
        return result;
      }
      if (result === 'again') continue;
      // The emits of a part are sent while the next part runs.
      sending = Promise.all([sending, this.send(event)]).then(() => undefined);
      transaction = new Transaction();
    }
  }

  private async processBatch(batch: readonly number[]): Promise<Result> {
    const transaction = new Transaction();
    for (;;) {
      const result = await this.attempt(batch, transaction, undefined);
      if (result !== 'again') return result === 'nak' ? 'nak' : 'done';
    }
  }

  /** Runs the programs of events, or one part of a single event, and commits them. */
  private async attempt(
    batch: readonly number[],
    transaction: Transaction,
    part: number | undefined,
  ): Promise<Result | 'again' | 'part'> {
    const { transactions } = this.log;
    let changes: RunChanges[] | undefined;
    try {
      changes = await this.run(batch, transaction, part);
    } catch {
      // The broker does not answer.
      transactions.abandon(transaction);
      return 'nak';
    }
    if (this.isDead()) return 'nak';
    if (!changes) {
      if (!transactions.isStale(transaction)) {
        transactions.abandon(transaction);
        return 'nak';
      }
      await transactions.prepareAgain(transaction);
      return 'again';
    }
    const result = await transactions.finish(transaction, changes);
    if (this.isDead()) return 'nak';
    // The host is closed by a kill only.
    if (result === 'released') return 'nak';
    if (result === 'settled') return batch.length > 1 ? 'nak' : 'done';
    if (result === 'committed') return part === undefined ? 'done' : 'part';
    await transactions.prepareAgain(transaction);
    return 'again';
  }

  /** Runs the programs of events. Returns undefined if one throws. */
  private async run(
    batch: readonly number[],
    transaction: Transaction,
    part: number | undefined,
  ): Promise<RunChanges[] | undefined> {
    const { deliveries, thrown, reads } = this.world;
    const { transactions } = this.log;
    const changes: RunChanges[] = [];
    let seen: (readonly [string, string | null])[] = [];
    for (const sequence of batch) {
      const event = eventOf(sequence);
      const program = deliveries.programs[sequence - 1]!;
      const parts = partsOf(program);
      const name = part ?? parts.length;
      const emits: Emit[] = [];
      const writes = new Map<string, string | null>();
      for (const step of parts[name - 1]!) {
        if (step.do === 'wait') await this.turns(4);
        else if (step.do === 'publish') {
          emits.push({ id: `${sequence}.${name}.${emits.length}`, subject: 's', payload: '{}', headers: {} });
        } else if (step.do === 'throw') {
          if (!thrown.has(sequence)) {
            thrown.add(sequence);
            return undefined;
          }
        } else if (step.do !== 'commit') {
          const isOwn = transaction.writes.has(step.key);
          if (step.do !== 'get') await transactions.lock(transaction, step.key);
          const text = await transactions.read(transaction, step.key);
          if (!isOwn) seen.push([step.key, text]);
          if (step.do === 'get') continue;
          writes.set(step.key, step.do === 'add' ? `${text ?? ''}.${sequence}` : null);
          transactions.write(transaction, step.key, writes.get(step.key)!);
        }
      }
      if (!hasEffect(program)) continue;
      const change = { origin: { handler: 'h', timeMs: 1 }, event, writes, emits, ...(part !== undefined && { part }) };
      reads.set(partName(this.name, change), seen);
      seen = [];
      changes.push(change);
    }
    return changes;
  }
}

function eventOf(sequence: number): EventOf {
  return { durable: DURABLE, incarnation: INCARNATION, sequence };
}
