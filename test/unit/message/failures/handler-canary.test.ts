import { Reject } from 'jetplug/sdk';
import { HandlerCanary } from '../../../../host/message/failures/handler-canary';
import { processMessage } from '../../../../host/message/process-message';
import { MessageBench } from '../../../support/message-bench';

const RUNS = { add: () => undefined, remove: () => undefined, alone: () => Promise.resolve(undefined) };

/** A handler on probation that fails at the sequences given. */
function onProbation(events: number, fails: (sequence: number) => Error | undefined) {
  const told: string[] = [];
  const canary = new HandlerCanary(events, {
    passed: () => told.push('passed'),
    failed: (error) => told.push(`failed: ${error.message}`),
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
    await processMessage(bench.handler, delivery, RUNS);
    return delivery.answers;
  };
  return { told, canary, bench, run };
}

test('when the first events all fail, that is told once, with the last error', async () => {
  const { told, run } = onProbation(3, (sequence) => new Error(`bad at ${sequence}`));
  for (const sequence of [1, 2, 3, 4]) await run(sequence);
  expect(told).toEqual(['failed: bad at 3']);
});

test('an event that fails again and again counts once', async () => {
  const { told, run } = onProbation(2, () => new Error('bad'));
  for (let i = 0; i < 5; i++) await run(1);
  expect(told).toEqual([]);
});

test.each([
  ['throws', new Error('bad')],
  ['rejects', new Reject('bad')],
])('what fails meanwhile comes again at no cost: the handler %s', async (_how, error) => {
  const { run, bench } = onProbation(3, () => error);
  for (const sequence of [1, 2, 3, 4]) expect(await run(sequence)).toEqual(['nak 1000']);
  expect(bench.letters).toEqual([]);
  expect(bench.failures.size).toBe(0);
  expect(bench.handler.circuit.isFailing).toBe(false);
});

test('from the first event that is handled on, failures count', async () => {
  const { told, run, bench } = onProbation(3, (sequence) => (sequence === 2 ? undefined : new Error('bad')));
  await run(1);
  expect(await run(2)).toEqual(['ack']);
  await run(3);
  expect(told).toEqual(['passed']);
  expect([...bench.failures.keys()]).toEqual([3]);
});

test('when its time is over, failures count', async () => {
  const { told, canary, run, bench } = onProbation(3, () => new Error('bad'));
  await run(1);
  expect(canary.hasFailed).toBe(true);
  canary.end();
  await run(2);
  expect(told).toEqual([]);
  expect(canary.hasFailed).toBe(false);
  expect([...bench.failures.keys()]).toEqual([2]);
});

test('an event that is malformed says nothing of the version', async () => {
  const { told, bench } = onProbation(1, () => undefined);
  const delivery = bench.delivery('no JSON');
  await processMessage(bench.handler, delivery, RUNS);
  expect(told).toEqual([]);
  expect(bench.letters).toHaveLength(1);
});
