import type { Decision } from '../../../host/message/decide';
import { Run } from '../../../host/message/run';
import { settle } from '../../../host/message/settle';
import { decodeCommit, type Departure } from '../../../host/records/commits/commit';
import { MessageBench, type Given } from '../../support/message-bench';

const error = new Error('broken');
const BURY: Decision = { action: 'dead-letter', reason: 'attempts-exhausted', error, attempts: 3 };
const INVALID: Decision = { action: 'dead-letter', reason: 'schema', error, attempts: 0 };
const DEFER: Decision = { action: 'retry', delayMs: 600_000, error };
const DEAD: Departure = { to: 'dead-letter' };

/** A handler whose plugin has a commit log. */
async function withLog(): Promise<MessageBench> {
  const bench = new MessageBench();
  await bench.commits.open();
  return bench;
}

async function carryOut(bench: MessageBench, decision: Decision, given: Given = {}): Promise<Run> {
  const run = new Run(bench.handler, bench.delivery({}, given), bench.registry);
  await settle(run, decision);
  return run;
}

/** The departures in the commits of the log. */
async function departures(bench: MessageBench): Promise<unknown[]> {
  const commits = (await bench.commits.stored.readAfter(0)).map(({ text }) => decodeCommit(text));
  return commits.flatMap(({ runs }) => runs.map(({ event, left }) => [event?.sequence, left]));
}

describe('a dead letter of a plugin with a commit log', () => {
  test('is recorded, committed, stored and then terminated, in this order', async () => {
    const bench = await withLog();
    await carryOut(bench, BURY);
    expect(bench.journal).toEqual([
      'bury 7 attempts-exhausted',
      'commit 7',
      'letter attempts-exhausted',
      'settle 7',
      'term attempts-exhausted',
      'forget',
    ]);
    expect(await departures(bench)).toEqual([[7, DEAD]]);
    expect(bench.commits.log!.folded.left.size).toBe(0);
    expect(bench.handler.counters.deadLettered).toBe(1);
  });

  test('is recorded also for an event that never reached its handler', async () => {
    const bench = await withLog();
    await carryOut(bench, INVALID);
    expect(bench.journal).toEqual(['bury 7 schema', 'commit 7', 'letter schema', 'settle 7', 'term schema', 'forget']);
  });

  test('is committed also if another host has created the log meanwhile', async () => {
    const bench = new MessageBench();
    bench.commits.commitElsewhere({ sequence: 6 });
    await carryOut(bench, BURY);
    expect(await departures(bench)).toEqual([
      [6, undefined],
      [7, DEAD],
    ]);
  });

  test('that could not be stored after its commit is stored at the next delivery, with the recorded reason', async () => {
    const bench = (await withLog()).fail('letter');
    await carryOut(bench, BURY);
    expect(bench.journal).toEqual(['bury 7 attempts-exhausted', 'commit 7', 'nak 5000']);
    bench.mend('letter');
    bench.journal.length = 0;
    await carryOut(bench, { action: 'ack-again' }, { deliveryCount: 2 });
    expect(bench.journal).toEqual(['letter attempts-exhausted', 'ack', 'forget']);
    expect(bench.letters).toMatchObject([{ headers: { 'x-error-message': 'broken', 'x-attempts': '3' } }]);
    expect(bench.commits.log!.folded.left.size).toBe(0);
  });

  test('that is stored already is not stored again at a later delivery', async () => {
    const bench = await withLog();
    await carryOut(bench, BURY);
    await carryOut(bench, { action: 'ack-again' }, { deliveryCount: 2 });
    expect(bench.letters).toHaveLength(1);
  });

  test('whose record is gone was stored: the host that had committed it died before it could note that', async () => {
    const bench = new MessageBench();
    bench.commits.commitElsewhere({ sequence: 7, left: DEAD });
    await bench.commits.open();
    await carryOut(bench, { action: 'ack-again' }, { deliveryCount: 2 });
    expect(bench.journal).toEqual(['commit 7', 'ack', 'forget']);
    expect(bench.commits.log!.folded.left.size).toBe(0);
  });

  test('is not stored if another host has handled the event meanwhile', async () => {
    const bench = await withLog();
    bench.commits.commitElsewhere({ sequence: 7 });
    await carryOut(bench, BURY);
    expect(bench.letters).toEqual([]);
    expect(bench.journal).toEqual(['commit 7', 'bury 7 attempts-exhausted', 'ack', 'forget']);
  });

  test('is stored by this host if another host has committed the same and died', async () => {
    const bench = await withLog();
    bench.commits.commitElsewhere({ sequence: 7, left: DEAD });
    await carryOut(bench, BURY, { deliveryCount: 2 });
    expect(bench.letters).toHaveLength(1);
    expect(bench.journal).toEqual([
      'commit 7',
      'bury 7 attempts-exhausted',
      'letter attempts-exhausted',
      'ack',
      'forget',
    ]);
  });

  test('that cannot be committed before the host stops leaves its event in the stream', async () => {
    const bench = new MessageBench().fail('commit');
    await bench.commits.open();
    const run = new Run(bench.handler, bench.delivery(), bench.registry);
    const settled = settle(run, BURY);
    while (bench.runs.size === 0) await new Promise((resolve) => setImmediate(resolve));
    run.interrupt({ kind: 'released' });
    await settled;
    expect(bench.journal).toEqual(['bury 7 attempts-exhausted', 'nak']);
  });

  test('is not looked for when the host has stopped, so that no request is left without a receiver', async () => {
    const bench = await withLog();
    const refresh = jest.spyOn(bench.commits.log!, 'refresh');
    const run = new Run(bench.handler, bench.delivery({}, { deliveryCount: 2 }), {
      ...bench.registry,
      isReleased: true,
    });
    await settle(run, { action: 'ack-again' });
    expect([bench.journal, refresh.mock.calls]).toEqual([['nak'], []]);
  });
});

describe('an event that is deferred in a plugin with a commit log', () => {
  test('is settled by a commit, stored in the retry queue and then acknowledged', async () => {
    const bench = await withLog();
    await carryOut(bench, { ...DEFER, attempt: 1 });
    expect(bench.journal).toEqual(['record 1', 'commit 7', 'park parked', 'settle 7', 'ack']);
    expect(await departures(bench)).toEqual([[7, { to: 'retry-queue', dueAtMs: bench.deferred[0]!.dueAtMs }]]);
  });

  test('is put into the retry queue at the next delivery if that failed, with the time of the commit', async () => {
    const bench = (await withLog()).fail('park');
    await carryOut(bench, DEFER);
    expect(bench.journal).toEqual(['commit 7', 'nak 30000']);
    bench.mend('park');
    await carryOut(bench, { action: 'ack-again' }, { deliveryCount: 2 });
    const [[, left]] = (await departures(bench)) as [[number, { dueAtMs: number }]];
    expect(bench.deferred).toMatchObject([{ dueAtMs: left.dueAtMs, pass: 'parked' }]);
  });
});

describe('without a commit log', () => {
  test('the settled event is recorded before the dead letter’s event is terminated', async () => {
    const bench = new MessageBench();
    const store = jest.spyOn(bench.settlements, 'store');
    store.mockImplementation(async () => void bench.journal.push('settlements stored'));
    await carryOut(bench, BURY);
    expect(bench.journal.slice(2)).toEqual(['settle 7', 'settlements stored', 'term attempts-exhausted', 'forget']);
    expect(bench.commits.log).toBeUndefined();
  });

  test('an event whose settlement cannot be recorded stays in its stream', async () => {
    const bench = new MessageBench();
    jest.spyOn(bench.settlements, 'store').mockRejectedValue(new Error('no answer'));
    await carryOut(bench, DEFER);
    expect(bench.journal.at(-1)).toBe('nak 30000');
  });
});

test('the letter of a redriven event is removed at a redelivery if the host died after the commit', async () => {
  const bench = new MessageBench();
  const origin = { stream: 'EVENTS', sequence: 3, storedAtMs: 1 };
  bench.commits.commitElsewhere({ sequence: 7 });
  await bench.commits.open();
  await carryOut(bench, { action: 'ack-again' }, { past: { failures: 0, letter: 12 }, origin, deliveryCount: 2 });
  expect(bench.journal).toEqual(['commit 7', 'remove 12', 'ack', 'forget']);
});

test('a committed event whose published events cannot be sent is delivered again until they are', async () => {
  const bench = new MessageBench().fail('send');
  const emits = [{ id: 'i1', subject: 'a.b', payload: '{}', headers: {} }];
  bench.commits.commitElsewhere({ sequence: 7, emits });
  await bench.commits.open();
  const given: Given = { storedAtMs: Date.now(), deliveryCount: 2 };
  await carryOut(bench, { action: 'ack-again' }, given);
  expect(bench.journal).toEqual(['commit 7', 'nak 1000']);
  expect(bench.log.lines).toMatchObject([{ level: 'warn', fields: { handler: 'award', sequence: 7 } }]);
  bench.mend('send');
  await carryOut(bench, { action: 'ack-again' }, given);
  expect(bench.journal.slice(2)).toEqual(['send a.b', 'ack', 'forget']);
});
