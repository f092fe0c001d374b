import { decodeCommit, eventKey } from '../../../../host/records/commits/commit';
import { PluginLog } from '../../../../host/records/commits/plugin-log';
import { FakeLog, turns } from './fake-log';
import { hasEffect, KEYS, partName, partsOf } from './model-events';
import type { World } from './model-host';
import { TurnTime } from './turn-time';

/** A value that another program has put into the bucket; `null` removes the value. */
export interface ForeignPut {
  readonly key: string;
  readonly revision: number;
  readonly text: string | null;
}

/** Has a new host bring the bucket up to date, and compares the log and the bucket with a serial model. */
export async function checkAgainstModel(world: World, foreign: readonly ForeignPut[]): Promise<void> {
  await fillBucket(world);
  const { deliveries, sent, bucket } = world;
  const { state, committed, emitted, adopted } = replay(world, foreign);

  const expected = deliveries.programs.flatMap((program, i) =>
    hasEffect(program)
      ? partsOf(program).map((_, part, { length }) => `${i + 1} ${part + 1 < length ? part + 1 : 'last'}`)
      : [],
  );
  expect([...committed].sort()).toEqual(expected.sort());
  expect([...sent.keys()].sort()).toEqual([...emitted].sort());

  for (const key of KEYS) {
    const entry = await bucket.get(key);
    const last = foreign.findLast((put) => put.key === key);
    if (last && entry?.revision === last.revision) expect(entry.value ?? null).toBe(last.text);
    else expect([key, entry?.value ?? null]).toEqual([key, state.get(key) ?? null]);
    // A value that another program has put is in the log, or still in the bucket.
    if (last)
      expect(Math.max(adopted.get(key) ?? 0, entry?.revision === last.revision ? last.revision : 0)).toBe(
        last.revision,
      );
  }
}

/** Applies the commits of the log one after the other, and checks each against the state before it. */
function replay({ shared, reads }: World, foreign: readonly ForeignPut[]) {
  const state = new Map<string, string | null>();
  const committed = new Set<string>();
  const settled = new Set<number>();
  const emitted: string[] = [];
  const adopted = new Map<string, number>();
  for (const text of shared.history) {
    const commit = decodeCommit(text);
    for (const [key, revision] of commit.adopted) {
      const put = foreign.find((one) => one.key === key && one.revision === revision);
      expect(put).toBeDefined();
      // A later value is never replaced by an earlier one.
      expect(revision).toBeGreaterThan(adopted.get(key) ?? 0);
      adopted.set(key, revision);
      state.set(key, put!.text);
    }
    for (const run of commit.runs) {
      const { event, writes, emits, part } = run;
      if (!event) {
        for (const [key, written] of writes) expect([key, written]).toEqual([key, state.get(key)]);
        continue;
      }
      const name = `${event.sequence} ${part ?? 'last'}`;
      expect([eventKey(event), part, committed.has(name), settled.has(event.sequence)]).toEqual([
        eventKey(event),
        part,
        false,
        false,
      ]);
      committed.add(name);
      if (part === undefined) settled.add(event.sequence);
      for (const [key, read] of reads.get(partName(commit.host, run))!) {
        // A run that does not change a key may read a value of another program before the log has it.
        const isForeign =
          !writes.has(key) &&
          foreign.some((put) => put.key === key && put.text === read && put.revision > (adopted.get(key) ?? 0));
        if (!isForeign) expect([event.sequence, key, state.get(key) ?? null]).toEqual([event.sequence, key, read]);
      }
      for (const [key, written] of writes) state.set(key, written);
      emitted.push(...emits.map(({ id }) => id));
    }
  }
  return { state, committed, emitted, adopted };
}

async function fillBucket(world: World): Promise<void> {
  // The requests of killed hosts that are on their way arrive first.
  for (let left = 100; left > 0; left--) await turns(() => 1);
  const time = new TurnTime();
  const filler = new PluginLog({
    host: 'last',
    log: new FakeLog(world.shared, world.draw),
    bucket: world.bucket,
    time,
    trouble: () => undefined,
    halted: (error) => world.errors.push(error),
  });
  await filler.open();
  for (let turn = 0; filler.folded.unfilled.size > 0; turn++) {
    if (turn > 20_000) throw new Error('the bucket is not filled');
    await turns(() => 1);
  }
  await filler.close();
  time.end();
  expect(world.errors).toEqual([]);
}
