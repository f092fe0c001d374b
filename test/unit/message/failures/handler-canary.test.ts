import { Reject } from 'jetplug/sdk';
import { HandlerCanary } from '../../../../host/message/failures/handler-canary';
import { processMessage } from '../../../../host/message/process-message';
import { MessageBench } from '../../../support/message-bench';

/** A canary whose handler fails at the chosen sequences. */
function onCanary(events: number, fails: (sequence: number) => Error | undefined) {
  const reports: string[] = [];
  const canary = new HandlerCanary(events, {
    passed: () => reports.push('passed'),
    failed: (error) => reports.push(`failed: ${error.message}`),
  });
  const bench = new MessageBench(
    (_event, { sequence }) => {
      const error = fails(sequence);
      if (error) throw error;
    },
    { canary },
  );
  const run = async (sequence: number): Promise<readonly string[]> => {
    const delivery = bench.delivery({}, { sequence });
    await processMessage(bench.handler, delivery, bench.registry);
    return delivery.answers;
  };
  return { reports, canary, bench, run };
}

test('when the first events all fail, the canary reports its failure once, with the last error', async () => {
  const { reports, run } = onCanary(3, (sequence) => new Error(`bad at ${sequence}`));
  for (const sequence of [1, 2, 3, 4]) await run(sequence);
  expect(reports).toEqual(['failed: bad at 3']);
});

test('an event that fails again and again counts once', async () => {
  const { reports, run } = onCanary(2, () => new Error('bad'));
  for (let i = 0; i < 5; i++) await run(1);
  expect(reports).toEqual([]);
});

test.each([
  ['throws', new Error('bad')],
  ['rejects', new Reject('bad')],
])(
  'an event that fails during the canary is redelivered without using up an attempt: the handler %s',
  async (_how, error) => {
    const { run, bench } = onCanary(3, () => error);
    for (const sequence of [1, 2, 3, 4]) expect(await run(sequence)).toEqual(['nak 1000']);
    expect(bench.letters).toEqual([]);
    expect(bench.failures.size).toBe(0);
    expect(bench.handler.circuit.isFailing).toBe(false);
  },
);

test('failures count after the first handled event', async () => {
  const { reports, run, bench } = onCanary(3, (sequence) => (sequence === 2 ? undefined : new Error('bad')));
  await run(1);
  expect(await run(2)).toEqual(['ack']);
  await run(3);
  expect(reports).toEqual(['passed']);
  expect([...bench.failures.keys()]).toEqual([3]);
});

test('failures count after the end of the canary’s time', async () => {
  const { reports, canary, run, bench } = onCanary(3, () => new Error('bad'));
  await run(1);
  expect(canary.hasFailed).toBe(true);
  canary.end();
  await run(2);
  expect(reports).toEqual([]);
  expect(canary.hasFailed).toBe(false);
  expect([...bench.failures.keys()]).toEqual([2]);
});

test('a malformed event does not count against the version', async () => {
  const { reports, bench } = onCanary(1, () => undefined);
  const delivery = bench.delivery('no JSON');
  await processMessage(bench.handler, delivery, bench.registry);
  expect(reports).toEqual([]);
  expect(bench.letters).toHaveLength(1);
});
