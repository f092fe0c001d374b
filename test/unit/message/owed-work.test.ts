/** Events that another host has committed, and whose after-commit work, published events or dead letter that host owes. */
import { defineEvent, Reject, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import type { TextStore } from '../../../host/effects/text-store';
import type { Handler } from '../../../host/message/handler';
import { processBatch, processMessage } from '../../../host/message/process-message';
import { JetplugError } from '../../../sdk/internal';
import { MessageBench, type Given } from '../../support/message-bench';

class Watched extends defineEvent('video.watched', z.object({ user: z.string() })) {}

const WATCH = { user: 'u1' };
const EMITS = [{ id: 'e1', subject: 'badge.awarded', payload: '{}', headers: {} }];

type Invoke = (context: EventContext, store: TextStore<number>) => unknown;

/** A handler on a host that gets the commits of other hosts late, unless `tail` is true. */
function setUp(invoke: Invoke, over: Partial<Handler> = {}, { tail = false } = {}) {
  const bench: MessageBench = new MessageBench((_event, context) => invoke(context, bench.store()), {
    contract: Watched,
    ...over,
  });
  const { commits, registry, settlements } = bench;
  if (!tail) commits.stored.follow = () => () => undefined;
  const process = async (given: Given = {}, payload: unknown = WATCH) => {
    const delivery = bench.delivery(payload, given);
    await processMessage(bench.handler, delivery, registry);
    return delivery.answers;
  };
  /** Another host commits the event 7, and its record of settled events is read. */
  const commitElsewhere = (owed: Omit<Parameters<typeof commits.commitElsewhere>[0], 'sequence'>): void => {
    commits.commitElsewhere({ sequence: 7, ...owed });
    settlements.settled.add(7);
    settlements.commitReads.noteRecord();
  };
  return { bench, process, commitElsewhere };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test.each<[string, (store: TextStore<number>) => Promise<unknown>]>([
  ['at a commit point', (store) => store.commit()],
  ['after the handler has returned', async () => undefined],
])('after-commit work is done by a run that finds out %s that another host has settled the event', async (_, next) => {
  let mails = 0;
  const { process, bench } = setUp(
    async (context, store) => {
      await store.update('n', (n = 0) => n + 1);
      context.afterCommit(() => mails++);
      if ((await bench.commits.stored.bounds()).last === 0)
        bench.commits.commitElsewhere({ sequence: 7, writes: { n: '1' }, hasWork: true });
      await next(store);
    },
    {},
    { tail: true },
  );
  expect(await process()).toEqual(['ack']);
  expect([mails, await bench.store<number>().get('n')]).toEqual([1, 1]);
  expect(bench.handler.counters.conflicts).toBe(0);
});

test.each([true, false])(
  'an event that is settled in the record of another host is acknowledged when its commit is read: it owes work: %s',
  async (hasWork) => {
    let mails = 0;
    const { process, bench, commitElsewhere } = setUp((context) => context.afterCommit(() => mails++));
    await bench.commits.open();
    commitElsewhere({ hasWork, emits: EMITS });
    expect(await process({ deliveryCount: 2 })).toEqual(['ack']);
    expect([mails, bench.sent.length]).toEqual([hasWork ? 1 : 0, 1]);
  },
);

test.each<[string, object, boolean]>([
  ['events', { emits: EMITS }, false],
  ['its dead letter', { left: { to: 'dead-letter' } }, true],
])(
  'an event that is rejected here while another host settles it owes %s, which this host makes good',
  async (_, owed, hasLetter) => {
    const { process, bench, commitElsewhere } = setUp(() => {
      if (!bench.settlements.settled.has(7)) commitElsewhere(owed);
      throw new Reject('no');
    });
    await bench.commits.open();
    expect(await process()).toEqual(['nak']);
    expect(await process({ deliveryCount: 2 })).toEqual(['ack']);
    expect([bench.sent.length, bench.letters.length]).toEqual(hasLetter ? [0, 1] : [1, 0]);
    expect(bench.failures.size).toBe(0);
  },
);

test('after-commit work is done for an event that is rejected here while another host commits it', async () => {
  let mails = 0;
  const { process, bench } = setUp(
    async (context) => {
      context.afterCommit(() => mails++);
      if ((await bench.commits.stored.bounds()).last > 0) return;
      bench.commits.commitElsewhere({ sequence: 7, hasWork: true });
      await turn();
      throw new Reject('no');
    },
    {},
    { tail: true },
  );
  await bench.commits.open();
  expect(await process()).toEqual(['nak']);
  expect(await process({ deliveryCount: 2 })).toEqual(['ack']);
  expect([mails, bench.letters, bench.failures.size]).toEqual([1, [], 0]);
});

test('after-commit work that cannot be done any more is given up, and the committed events are sent first', async () => {
  const { process, bench, commitElsewhere } = setUp(() => undefined);
  await bench.commits.open();
  commitElsewhere({ hasWork: true, emits: EMITS });
  bench.fail('send', new JetplugError('JP_PUBLISH_FAILED', 'no answer'));
  const unfit = { other: 1 };
  expect(await process({ deliveryCount: 2 }, unfit)).toEqual(['nak 1000']);
  bench.mend('send');
  expect(await process({ deliveryCount: 3 }, unfit)).toEqual(['ack']);
  expect(bench.sent.map(({ id }) => id)).toEqual(['e1']);
  expect(bench.log.lines.at(-1)!.message).toBe(
    'after-commit work of a handler failed, and is not tried again; the event is settled',
  );
});

test('while the log cannot be read, an event that another host has settled is tried again, and the rest of its batch is handled', async () => {
  const { bench, commitElsewhere } = setUp(() => undefined, { random: () => 0.5, batch: { size: 4, waitMs: 0 } });
  commitElsewhere({});
  bench.commits.refresh = () => Promise.reject(new JetplugError('JP_STORE_UNAVAILABLE', 'no answer'));
  const deliveries = [5, 6, 7, 8].map((sequence) => bench.delivery(WATCH, { sequence }));
  await processBatch(bench.handler, deliveries, bench.registry);
  expect(deliveries.map(({ answers }) => answers)).toEqual([['ack'], ['ack'], ['nak 1000'], ['ack']]);
  expect(bench.failures.size).toBe(0);
});

test.each([
  ['before the log is read', true],
  ['while the log cannot be read', false],
])('a stop releases an event that another host has settled, %s', async (_, isReleased) => {
  const { bench, commitElsewhere } = setUp(() => undefined);
  commitElsewhere({});
  bench.commits.refresh = () => new Promise(() => undefined);
  const delivery = bench.delivery(WATCH, { deliveryCount: 2 });
  const settled = processMessage(bench.handler, delivery, { ...bench.registry, isReleased });
  if (!isReleased) for (const run of bench.runs) run.interrupt({ kind: 'released' });
  await settled;
  expect(delivery.answers).toEqual(['nak']);
});
