import { HandlerCanary } from '../../../host/message/failures/handler-canary';
import { invalid, type Outcome } from '../../../host/message/outcome';
import { judge } from '../../../host/message/judge';
import { Run } from '../../../host/message/run';
import { end, passed, type Measured } from '../../../host/message/stages';
import { MessageBench } from '../../support/message-bench';

const error = new Error('broken');

function setUp(canary?: HandlerCanary) {
  const bench = new MessageBench(undefined, { canary });
  const judged = (outcome: Outcome, sequence = 1) => {
    const run = new Run(bench.handler, bench.delivery({}, { sequence }), bench.registry);
    end(run, outcome);
    return judge(passed<Measured>(run));
  };
  return { circuit: bench.handler.circuit, judged };
}

test('a failure counts towards the circuit, which opens when distinct messages have failed and closes at a success', () => {
  const { circuit, judged } = setUp();
  judged({ kind: 'failed', error }, 1);
  judged({ kind: 'timed-out', error }, 2);
  expect(circuit.isOpen).toBe(false);
  judged({ kind: 'failed', error }, 3);
  expect(circuit.isOpen).toBe(true);
  judged({ kind: 'handled' }, 1);
  expect(circuit.isOpen).toBe(false);
});

test.each<Outcome>([
  { kind: 'rejected', error },
  { kind: 'postponed', delayMs: 5, error },
  { kind: 'unavailable', error },
  { kind: 'released' },
  invalid('schema', 'no'),
])('the outcome $kind does not count towards the circuit', (outcome) => {
  const { circuit, judged } = setUp();
  for (const sequence of [1, 2, 3, 4]) judged(outcome, sequence);
  expect([circuit.isOpen, circuit.isFailing]).toEqual([false, false]);
});

describe('while a new version is a canary', () => {
  const canary = () => new HandlerCanary(10, { passed: () => undefined, failed: () => undefined });

  test.each<[Outcome, boolean]>([
    [{ kind: 'failed', error }, true],
    [{ kind: 'timed-out', error }, true],
    [{ kind: 'rejected', error }, true],
    [{ kind: 'died', error }, true],
    [invalid('schema', 'no'), true],
    [invalid('invalid-json', 'no'), false],
    [{ kind: 'unavailable', error }, false],
    [{ kind: 'released' }, false],
  ])('the outcome %j counts against the canary version instead of the event: %s', (outcome, countsAgainstVersion) => {
    const { circuit, judged } = setUp(canary());
    expect(judged(outcome).excused !== undefined).toBe(countsAgainstVersion);
    expect(circuit.isFailing).toBe(false);
  });

  test('a success ends the canary: later failures count towards the circuit', () => {
    const { circuit, judged } = setUp(canary());
    judged({ kind: 'handled' });
    expect(judged({ kind: 'failed', error }, 2).excused).toBeUndefined();
    expect(circuit.isFailing).toBe(true);
  });
});
