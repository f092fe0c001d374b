import { Outages } from '../../../../host/message/failures/outages';
import { MemoryKeyValue } from '../../../support/memory-key-value';

const OUTAGE = { since: new Date('2026-05-12T12:00:00.000Z'), reason: 'ml is down' };

async function setUp() {
  const records = new MemoryKeyValue();
  return { records, outages: await Outages.open(records, 'badge-award') };
}

test('an outage is known to the next host until it ends; the number of outages is kept', async () => {
  const { records, outages } = await setUp();
  expect([outages.count, outages.ongoing]).toEqual([0, undefined]);
  await outages.begin(OUTAGE);
  expect([...records.entries.keys()]).toEqual(['circuit.badge-award']);
  const next = await Outages.open(records, 'badge-award');
  expect([next.count, next.ongoing]).toEqual([1, OUTAGE]);
  await next.end();
  const last = await Outages.open(records, 'badge-award');
  expect([last.count, last.ongoing]).toEqual([1, undefined]);
  expect((await Outages.open(records, 'badge-other')).count).toBe(0);
});

test('an outage counts from its beginning, also before it is stored', async () => {
  const { outages } = await setUp();
  const stored = outages.begin(OUTAGE);
  expect([outages.count, outages.ongoing]).toEqual([1, OUTAGE]);
  await stored;
});

test('an outage’s beginning and end are stored in that order', async () => {
  const { records, outages } = await setUp();
  await Promise.all([outages.begin(OUTAGE), outages.end()]);
  expect((await Outages.open(records, 'badge-award')).ongoing).toBeUndefined();
});

test('an outage that cannot be stored rejects the call, and is stored by the next call of store', async () => {
  const { records, outages } = await setUp();
  records.failNext = new Error('no answer');
  await expect(outages.begin(OUTAGE)).rejects.toThrow('no answer');
  await outages.store();
  expect((await Outages.open(records, 'badge-award')).ongoing).toEqual(OUTAGE);
  const { put } = records.calls;
  await outages.store();
  expect(records.calls.put).toBe(put);
});

test('a host that begins an outage counts the earlier outages of other hosts as well', async () => {
  const { records, outages: a } = await setUp();
  const b = await Outages.open(records, 'badge-award');
  await a.begin(OUTAGE);
  await a.end();
  await a.begin(OUTAGE);
  await b.begin(OUTAGE);
  expect(b.count).toBeGreaterThanOrEqual(a.count);
  b.learn(1);
  expect(b.count).toBe(2);
  b.learn(7);
  expect(b.count).toBe(7);
});
