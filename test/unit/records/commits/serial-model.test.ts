import fc from 'fast-check';
import type { Emit, EventOf, RunChanges } from '../../../../host/records/commits/commit';
import { decodeCommit } from '../../../../host/records/commits/commit';
import { PluginLog } from '../../../../host/records/commits/plugin-log';
import { Transaction } from '../../../../host/records/commits/transaction';
import { SettledSet } from '../../../../host/records/settled-set';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { drawsOf, FakeLog, SharedLog, SlowBucket, turns, type Draw, type Faults } from './fake-log';
import { TurnTime } from './turn-time';

/** The operations of one event's handler. */
type Step =
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'add'; readonly key: string }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'publish' }
  | { readonly do: 'wait' }
  | { readonly do: 'throw' };
type Program = readonly Step[];

const KEYS = ['a', 'b', 'c'];
const INCARNATION = '2026-01-01T00:00:00Z';

/** Settled events that all incarnations of all hosts share, as the record on the server does. */
class SharedSettled {
  readonly durable = 'p-h';
  readonly streamIncarnation = INCARNATION;
  private readonly noted = new SettledSet();
  constructor(private readonly record: SettledSet) {
    this.noted.merge(record);
  }
  has(sequence: number): boolean {
    return this.noted.has(sequence);
  }
  noteSettled(from: number, to: number): void {
    this.noted.add(from, to);
  }
  async store(): Promise<void> {
    this.record.merge(this.noted);
  }
}

/** The stream of events: each event is delivered to one host at a time, until it is acknowledged. */
class Deliveries {
  private readonly open: number[];
  private readonly held = new Map<number, string>();
  readonly acked = new Set<number>();
  constructor(readonly programs: readonly Program[]) {
    this.open = programs.map((_, i) => i + 1);
  }
  next(host: string): number | undefined {
    const sequence = this.open.shift();
    if (sequence !== undefined) this.held.set(sequence, host);
    return sequence;
  }
  ack(sequence: number): void {
    this.held.delete(sequence);
    this.acked.add(sequence);
  }
  nak(sequence: number): void {
    if (this.acked.has(sequence)) return;
    this.held.delete(sequence);
    this.open.unshift(sequence);
  }
  /** Delivers again all events that a host has, which may be running still. */
  redeliver(host: string): void {
    for (const [sequence, by] of [...this.held]) if (by === host) this.nak(sequence);
  }
  get isDone(): boolean {
    return this.acked.size === this.programs.length;
  }
}

interface World {
  readonly shared: SharedLog;
  readonly bucket: MemoryBucket;
  readonly record: SettledSet;
  readonly deliveries: Deliveries;
  readonly sent: Map<string, number>;
  /** The values that the last attempt of each event has read, by host. */
  readonly reads: Map<string, readonly (readonly [string, string | null])[]>;
  readonly thrown: Set<number>;
  readonly draw: Draw;
  readonly faults: Faults;
  readonly time: TurnTime;
  errors: unknown[];
}

let hosts = 0;

class Host {
  readonly name = `host-${++hosts}`;
  private readonly log: PluginLog;
  private readonly settled: SharedSettled;
  private isDead = false;
  private readonly inHand = new Set<number>();
  private running = 0;

  constructor(private readonly world: World) {
    const { shared, bucket, draw, faults, time, record } = world;
    this.settled = new SharedSettled(record);
    this.log = new PluginLog({
      host: this.name,
      log: new FakeLog(shared, draw, faults),
      bucket: new SlowBucket(bucket, draw, faults),
      time,
      trouble: () => undefined,
      halted: (error) => {
        if (!this.isDead) world.errors.push(error);
      },
    });
    this.log.add(this.settled);
  }

  async start(concurrency = 4): Promise<void> {
    await this.log.open().catch((error: unknown) => {
      if (!this.isDead) throw error;
    });
    for (let i = 0; i < concurrency; i++) void this.work();
  }

  /** Ends the host at once, as a kill does: nothing that it still does is seen by others. */
  kill(): void {
    this.isDead = true;
    void this.log.close();
    this.world.deliveries.redeliver(this.name);
  }

  private async work(): Promise<void> {
    const { deliveries, draw } = this.world;
    this.running++;
    while (!this.isDead && !deliveries.isDone) {
      const sequence = deliveries.next(this.name);
      // A host ignores an event that it has already.
      if (sequence === undefined || this.inHand.has(sequence)) await turns(() => 2);
      else await this.handle(sequence).catch((error: unknown) => this.world.errors.push(error));
      await turns(draw, 1);
    }
    this.running--;
  }

  private async handle(sequence: number): Promise<void> {
    this.inHand.add(sequence);
    try {
      await this.process(sequence);
    } finally {
      this.inHand.delete(sequence);
    }
  }

  private async process(sequence: number): Promise<void> {
    const { deliveries, sent, draw } = this.world;
    const event: EventOf = { durable: 'p-h', incarnation: INCARNATION, sequence };
    const transaction = new Transaction();
    if (!this.settled.has(sequence)) {
      for (;;) {
        let changes: RunChanges[] | undefined;
        try {
          changes = await this.run(sequence, event, transaction);
        } catch {
          // The broker does not answer.
          this.log.transactions.abandon(transaction);
          return deliveries.nak(sequence);
        }
        if (this.isDead) return;
        if (!changes) {
          if (this.log.transactions.isStale(transaction)) {
            await this.log.transactions.prepareAgain(transaction);
            continue;
          }
          this.log.transactions.abandon(transaction);
          return deliveries.nak(sequence);
        }
        const result = await this.log.transactions.finished(transaction, changes);
        if (this.isDead) return;
        if (result !== 'conflict') break;
        await this.log.transactions.prepareAgain(transaction);
      }
    }
    for (const { id } of this.log.sent.unsentOf(event)) {
      await turns(draw);
      if (this.isDead) return;
      sent.set(id, (sent.get(id) ?? 0) + 1);
    }
    this.log.sent.note(event);
    this.settled.noteSettled(sequence, sequence);
    deliveries.ack(sequence);
  }

  /** Runs an event's program. Returns undefined if it throws. */
  private async run(sequence: number, event: EventOf, transaction: Transaction): Promise<RunChanges[] | undefined> {
    const { draw, deliveries, thrown, reads } = this.world;
    const { log } = this;
    const emits: Emit[] = [];
    const seen: [string, string | null][] = [];
    for (const step of deliveries.programs[sequence - 1]!) {
      if (step.do === 'wait') await turns(draw, 4);
      else if (step.do === 'publish') {
        emits.push({ id: `${sequence}.${emits.length}`, subject: 's', payload: '{}', headers: {} });
      } else if (step.do === 'throw') {
        if (!thrown.has(sequence)) {
          thrown.add(sequence);
          return undefined;
        }
      } else {
        const isOwn = transaction.writes.has(step.key);
        const text = await log.transactions.read(transaction, step.key);
        if (!isOwn) seen.push([step.key, text]);
        if (step.do === 'add') log.transactions.write(transaction, step.key, `${text ?? ''}.${sequence}`);
        if (step.do === 'delete') log.transactions.write(transaction, step.key, null);
      }
    }
    reads.set(`${this.name} ${sequence}`, seen);
    const { writes } = transaction;
    if (writes.size === 0 && emits.length === 0) return [];
    return [{ origin: { handler: 'h', timeMs: 1 }, event, writes: new Map(writes), emits }];
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'publish' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'throw' as const }) },
);

describe('runs of several hosts on one log', () => {
  const runs = Number(process.env['JETPLUG_PROPERTY_RUNS'] ?? 60);

  it('have the effects of one run after the other, whatever is interleaved, lost or killed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 25 }),
        fc.integer(),
        fc.record({
          unanswered: fc.constantFrom(0, 4, 10),
          lostTail: fc.constantFrom(0, 3, 1),
          staleReads: fc.constantFrom(0, 3),
        }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 4 }),
        async (programs, seed, faults, count, kills) => {
          const world = await play(programs, drawsOf(seed), faults, count, kills);
          expect(world.errors).toEqual([]);
          await checkAgainstModel(world);
        },
      ),
      { numRuns: runs },
    );
  }, 120_000);
});

async function play(
  programs: readonly Program[],
  draw: Draw,
  faults: Faults,
  count: number,
  kills: number,
): Promise<World> {
  const world: World = {
    shared: new SharedLog(),
    bucket: new MemoryBucket('b'),
    record: new SettledSet(),
    deliveries: new Deliveries(programs),
    sent: new Map(),
    reads: new Map(),
    thrown: new Set(),
    draw,
    faults,
    time: new TurnTime(),
    errors: [],
  };
  const alive: Host[] = [];
  const add = (): void => {
    const host = new Host(world);
    alive.push(host);
    void host.start();
  };
  for (let i = 0; i < count; i++) add();
  let left = kills;
  for (let turn = 0; !world.deliveries.isDone && world.errors.length === 0; turn++) {
    if (turn > 200_000) throw new Error('the events are not handled');
    await turns(() => 1);
    if (left > 0 && draw(40) === 0) {
      left--;
      alive.splice(draw(alive.length), 1)[0]!.kill();
      add();
    } else if (draw(60) === 0) {
      // The server delivers events again that a host still has, as it does after the ack wait.
      world.deliveries.redeliver(alive[draw(alive.length)]!.name);
    }
  }
  // A new host brings the bucket up to date.
  for (const host of alive) host.kill();
  return world;
}

async function checkAgainstModel(world: World): Promise<void> {
  const { shared, deliveries, sent, reads, bucket, time } = world;
  const state = new Map<string, string | null>();
  const settled = new Set<number>();
  const emitted: string[] = [];
  for (let position = 1; position <= shared.last; position++) {
    const commit = decodeCommit(shared.commits.get(position)!);
    for (const { event, writes, emits } of commit.runs) {
      const { sequence } = event!;
      expect(settled.has(sequence)).toBe(false);
      settled.add(sequence);
      for (const [key, text] of reads.get(`${commit.host} ${sequence}`)!) {
        expect([sequence, key, state.get(key) ?? null]).toEqual([sequence, key, text]);
      }
      for (const [key, text] of writes) state.set(key, text);
      emitted.push(...emits.map(({ id }) => id));
    }
  }
  const hasEffect = (program: Program): boolean => program.some((one) => ['add', 'delete', 'publish'].includes(one.do));
  const effective = deliveries.programs.flatMap((program, i) => (hasEffect(program) ? [i + 1] : []));
  expect([...settled].sort((a, b) => a - b)).toEqual(effective);
  expect([...sent.keys()].sort()).toEqual([...emitted].sort());

  const filler = new PluginLog({
    host: 'last',
    log: new FakeLog(shared, world.draw),
    bucket,
    time,
    trouble: () => undefined,
    halted: (error) => world.errors.push(error),
  });
  await filler.open();
  const isFilled = (): boolean => filler.folded.unfilled.size === 0;
  for (let turn = 0; !isFilled(); turn++) {
    if (turn > 20_000) throw new Error('the bucket is not filled');
    await turns(() => 1);
  }
  await filler.close();
  for (const key of KEYS) expect([key, (await bucket.get(key))?.value ?? null]).toEqual([key, state.get(key) ?? null]);
  time.end();
}
