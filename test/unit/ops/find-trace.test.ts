import { findTrace, type RunReader } from '../../../host/ops/find-trace';
import type { RunRecord } from '../../../host/records/runs/run-record';
import { RunTable } from '../../../host/records/runs/run-table';
import { groupOf } from '../../../host/records/runs/sampling';

const record = (sequence: number, more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ plugin: 'badge', handler: 'award', version: 'v1', stream: 'EVENTS', sequence, storedAtMs: 1 },
  ...{ subject: 'a.b', id: `e${sequence}`, root: 'order-1', attempt: 1, startedAtMs: 2, ranMs: 1, tookMs: 1 },
  ...{ outcome: 'handled', verdict: 'settled', ...more },
});

/** A reader of these messages, the oldest first. It notes how it is read. */
function readerOf(...messages: RunRecord[][]) {
  const reads: string[] = [];
  const texts = messages.map((runs) => {
    const table = new RunTable();
    for (const run of runs) table.add(run);
    return { group: groupOf(runs[0]!.root), bytes: table.encode('h:1') };
  });
  const reader: RunReader = {
    async *ofGroup(group) {
      reads.push(`group of ${['order-1', 'order-2'].find((root) => groupOf(root) === group) ?? 'another'}`);
      for (const [position, each] of texts.entries()) if (each.group === group) yield { position, bytes: each.bytes };
    },
    async *newestFirst() {
      reads.push('all');
      for (const [position, { bytes }] of [...texts.entries()].reverse()) yield { position, bytes };
    },
  };
  const find = (name: string, root?: string) => findTrace(reader, name, root, () => undefined);
  return { reads, find };
}

const MESSAGES = [[record(1, { id: 'order-1' })], [record(2), record(3)], [record(12, { root: 'order-2' })]];

it('reads only the records of one group for a tree whose root is known', async () => {
  const { reads, find } = readerOf(...MESSAGES);
  expect((await find('EVENTS:2', 'order-1')).root.id).toBe('order-1');
  expect(reads).toEqual(['group of order-1']);
});

it('finds the tree of a place or of an id in all records, if the root is not known', async () => {
  for (const name of ['EVENTS:2', 'e2']) {
    const { reads, find } = readerOf(...MESSAGES);
    expect((await find(name)).root.id).toBe('order-1');
    expect(reads.slice(1)).toEqual(['all', 'group of order-1']);
  }
});

it('takes no other event for the one at a place', async () => {
  const { find } = readerOf(...MESSAGES);
  expect((await find('EVENTS:12')).root).toMatchObject({ id: 'e12', sequence: 12 });
  for (const name of ['EVENTS:4', 'OTHER:2'])
    await expect(find(name)).rejects.toMatchObject({ code: 'JP_TRACE_UNKNOWN' });
});
