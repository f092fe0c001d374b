import fc from 'fast-check';
import { SettledSet } from '../../../../host/records/settled-set';
import { CHECKPOINT_KEY } from '../../../../host/records/commits/checkpoint';
import { drawsOf, type Draw } from '../../../support/draws';
import { SharedBucket, SharedLog, turns, type Faults } from './fake-log';
import { checkAgainstModel, type ForeignPut } from './model-check';
import { Deliveries, KEYS, type Program, type Step } from './model-events';
import { Host, type World } from './model-host';

/** The events of one property and what happens to the hosts that handle them. */
interface Scenario {
  readonly hosts: number;
  readonly kills: number;
  readonly freezes: number;
  /** How many values another program puts into the bucket. */
  readonly foreignPuts: number;
  /** How often the log is trimmed up to the checkpoint. */
  readonly trims: number;
  /** How often the log is full for a while. */
  readonly full: number;
  readonly batch: number;
  /** How far the time moves with each turn of the event loop, in milliseconds. */
  readonly turnMs: number;
}

const PLAIN: Scenario = { hosts: 1, kills: 0, freezes: 0, foreignPuts: 0, trims: 0, full: 0, batch: 1, turnMs: 1 };

const keyed = <T extends string>(what: T) => fc.record({ do: fc.constant(what), key: fc.constantFrom(...KEYS) });
const bare = <T extends string>(what: T) => fc.constant({ do: what });

function stepOf(withParts: boolean): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 4, arbitrary: keyed('add') },
    { weight: 2, arbitrary: keyed('get') },
    { weight: 1, arbitrary: keyed('delete') },
    { weight: 1, arbitrary: bare('publish') },
    { weight: 2, arbitrary: bare('wait') },
    { weight: 1, arbitrary: bare('throw') },
    { weight: withParts ? 3 : 0, arbitrary: bare('commit') },
  );
}

const faults: fc.Arbitrary<Faults> = fc.record({
  unanswered: fc.constantFrom(0, 4, 10),
  lostTail: fc.constantFrom(0, 3, 1),
  staleReads: fc.constantFrom(0, 3),
});

const upTo = (max: number) => fc.integer({ min: 0, max });

describe('runs of several hosts on one log have the effects of one run after the other', () => {
  const numRuns = Number(process.env['JETPLUG_PROPERTY_RUNS'] ?? 8);
  const all = {
    freezes: upTo(4),
    foreignPuts: upTo(8),
    trims: upTo(6),
    full: upTo(2),
    batch: fc.constantFrom(1, 3),
  };

  it.each([
    ['whatever is interleaved, lost or killed', {}],
    ['also with values that another program puts into the bucket', { foreignPuts: all.foreignPuts }],
    ['also on a log that is trimmed up to the checkpoint', { trims: all.trims }],
    ['also on a log that is full for a while', { full: all.full }],
    ['also with hosts that freeze and wake', { freezes: all.freezes }],
    ['also with early commit points', {}],
    ['also with several events in a run', { batch: fc.constant(3) }],
    ['with all of this together', all],
  ] as const)(
    '%s',
    async (name, some) => {
      const withParts = /commit points|together/.test(name);
      const scenario = fc.record({
        ...constants(PLAIN),
        hosts: fc.integer({ min: 1, max: 3 }),
        kills: upTo(4),
        ...some,
      });
      const programs = fc.array(fc.array(stepOf(withParts), { minLength: 1, maxLength: 5 }), {
        minLength: 1,
        maxLength: 25,
      });
      await fc.assert(
        fc.asyncProperty(programs, fc.integer(), faults, scenario, async (events, seed, lost, what) => {
          const { world, foreign } = await play(events, drawsOf(seed), lost, what);
          expect(world.errors).toEqual([]);
          await checkAgainstModel(world, foreign);
        }),
        { numRuns },
      );
    },
    1_200_000,
  );
});

function constants(scenario: Scenario): { readonly [K in keyof Scenario]: fc.Arbitrary<number> } {
  const entries = Object.entries(scenario) as [keyof Scenario, number][];
  return Object.fromEntries(entries.map(([key, value]) => [key, fc.constant(value)])) as never;
}

async function play(programs: readonly Program[], draw: Draw, lost: Faults, scenario: Scenario) {
  const shared = new SharedLog();
  const bucket = new SharedBucket('b');
  const deliveries = new Deliveries(programs);
  const world: World = {
    shared,
    bucket,
    record: new SettledSet(),
    deliveries,
    sent: new Map(),
    reads: new Map(),
    thrown: new Set(),
    draw,
    faults: lost,
    batch: scenario.batch,
    turnMs: scenario.turnMs,
    errors: [],
  };
  const foreign: ForeignPut[] = [];
  const alive: Host[] = [];
  const add = (): void => {
    const host = new Host(world);
    alive.push(host);
    void host.start();
  };
  /** Ends that a turn brings: when it is due, and what is done. */
  const later: { readonly turn: number; readonly act: () => void }[] = [];
  let turn = 0;
  const acts: Record<Exclude<keyof Scenario, 'hosts' | 'batch' | 'turnMs'>, () => void> = {
    kills: () => {
      alive.splice(draw(alive.length), 1)[0]!.kill();
      add();
    },
    freezes: () => {
      const host = alive[draw(alive.length)]!;
      host.freeze();
      // A host that is frozen for longer than a second loses the bucket to another one.
      later.push({ turn: turn + 1 + draw(2) * 1_500 + draw(300), act: () => host.wake() });
    },
    foreignPuts: () => {
      const key = KEYS[draw(KEYS.length)]!;
      const text = draw(4) === 0 ? null : `f${foreign.length}`;
      void (text === null ? bucket.delete(key) : bucket.put(key, text));
      foreign.push({ key, text, revision: bucket.entries.get(key)!.revision });
    },
    trims: () => trimToCheckpoint(shared, bucket),
    full: () => {
      shared.isFull = true;
      later.push({ turn: turn + 1 + draw(1_500), act: () => (shared.isFull = false) });
    },
  };
  for (let i = 0; i < scenario.hosts; i++) add();
  const left = { ...scenario };
  for (; !deliveries.isDone && world.errors.length === 0; turn++) {
    if (turn > 20_000) throw new Error('the events are not handled');
    await turns(() => 1);
    for (const one of later.filter((each) => each.turn === turn)) one.act();
    for (const kind of Object.keys(acts) as (keyof typeof acts)[]) {
      if (left[kind] === 0 || draw(40) > 0) continue;
      left[kind]--;
      acts[kind]();
    }
    // The server delivers events again that a host still has, as it does after the ack wait.
    if (draw(60) === 0) deliveries.redeliver(alive[draw(alive.length)]!.name);
  }
  for (const host of alive) host.kill();
  shared.isFull = false;
  return { world, foreign };
}

function trimToCheckpoint(shared: SharedLog, bucket: SharedBucket): void {
  const text = bucket.entries.get(CHECKPOINT_KEY)?.value;
  if (text === undefined) return;
  const { n } = JSON.parse(text) as { n: number };
  for (; shared.first <= n; shared.first++) shared.commits.delete(shared.first);
}
