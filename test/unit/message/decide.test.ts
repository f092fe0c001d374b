import fc from 'fast-check';
import type { Failures } from '../../../host/message/failures/failures';
import { decide } from '../../../host/message/decide';
import type { Outcome } from '../../../host/message/outcome';

const RETRY = { attempts: 5, backoffMs: [1_000, 5_000, 30_000] };
const MIDDLE = 0.5;
const error = new Error('broken');

const CLOSED = { isOpen: false, isSuspicious: false, probeDelayMs: 1_000 };
const SUSPICIOUS = { ...CLOSED, isSuspicious: true };
const OPEN = { isOpen: true, isSuspicious: false, probeDelayMs: 2_000 };

/** The failures before an attempt, of which some are charged. */
function before(attempt: number, charged = attempt - 1): Failures {
  return { charged, provisional: attempt - 1 - charged, outages: 0, deaths: 0 };
}

function decided(outcome: Outcome, attempt = 1, random = MIDDLE, circuit = CLOSED) {
  return decide(outcome, before(attempt), RETRY, circuit, random);
}

test('a handled event is acknowledged', () => {
  expect(decided({ kind: 'handled' })).toEqual({ action: 'ack' });
});

test('an event whose run the host ended early is released', () => {
  expect(decided({ kind: 'released' })).toEqual({ action: 'release' });
});

test.each(['invalid-json', 'invalid-envelope', 'schema', 'too-large', 'too-deep', 'too-many-hops'] as const)(
  'an invalid event is dead-lettered at once with the reason %s, without an attempt',
  (reason) => {
    expect(decided({ kind: 'invalid', reason, error })).toEqual({ action: 'dead-letter', reason, error, attempts: 0 });
  },
);

test.each([1, 5])('a rejected event is dead-lettered at attempt %d', (attempt) => {
  expect(decided({ kind: 'rejected', error }, attempt)).toEqual({
    action: 'dead-letter',
    reason: 'rejected',
    error,
    attempts: attempt,
  });
});

test.each([1, 5, 500])('a postponed event is retried after its own delay, uncharged, at attempt %d', (attempt) => {
  expect(decided({ kind: 'postponed', delayMs: 600_000, error }, attempt)).toEqual({
    action: 'retry',
    delayMs: 600_000,
    error,
  });
});

test.each([1, 5, 500])(
  'an event that failed because the broker was unavailable is retried soon, uncharged, at attempt %d',
  (attempt) => {
    expect(decided({ kind: 'unavailable', error }, attempt)).toEqual({ action: 'retry', delayMs: 1_000, error });
  },
);

test.each([
  [1, 1_000],
  [2, 5_000],
  [3, 30_000],
  [4, 30_000],
])('failure %d is charged and waits %d ms', (attempt, delayMs) => {
  for (const kind of ['failed', 'timed-out'] as const) {
    expect(decided({ kind, error }, attempt)).toEqual({ action: 'retry', delayMs, error, attempt });
  }
});

test.each([5, 6, 1_000])('failure %d of 5 attempts is the last', (attempt) => {
  expect(decided({ kind: 'failed', error }, attempt)).toEqual({
    action: 'dead-letter',
    reason: 'attempts-exhausted',
    error,
    attempts: attempt,
  });
  expect(decided({ kind: 'timed-out', error }, attempt)).toEqual({
    action: 'dead-letter',
    reason: 'timeout',
    error,
    attempts: attempt,
  });
});

test('with one attempt the first failure is the last, with any backoff', () => {
  expect(decide({ kind: 'failed', error }, before(1), { attempts: 1, backoffMs: [] }, CLOSED, MIDDLE)).toMatchObject({
    action: 'dead-letter',
  });
});

test('a wait differs from its backoff by up to 20 %', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      random,
      fc.integer({ min: 1, max: 1_000 }),
      fc.array(fc.nat(1e9), { minLength: 1, maxLength: 6 }),
      (r, attempt, backoffMs) => {
        const decision = decide({ kind: 'failed', error }, before(attempt), { attempts: 1_001, backoffMs }, CLOSED, r);
        const meant = backoffMs[Math.min(attempt, backoffMs.length) - 1]!;
        if (decision.action !== 'retry') throw new Error(decision.action);
        expect(decision.delayMs).toBeGreaterThanOrEqual(Math.floor(meant * 0.8));
        expect(decision.delayMs).toBeLessThanOrEqual(Math.ceil(meant * 1.2));
        expect(Number.isInteger(decision.delayMs)).toBe(true);
      },
    ),
  );
  expect(decided({ kind: 'failed', error }, 1, 0)).toMatchObject({ delayMs: 800 });
  expect(decided({ kind: 'failed', error }, 1, 1)).toMatchObject({ delayMs: 1_200 });
});

test('an event that was already settled is acknowledged again', () => {
  expect(decided({ kind: 'settled-before' })).toEqual({ action: 'ack-again' });
});

test('charged and provisional failures count alike', () => {
  for (let charged = 0; charged <= 4; charged++) {
    expect(decide({ kind: 'failed', error }, before(5, charged), RETRY, CLOSED, MIDDLE)).toMatchObject({
      action: 'dead-letter',
      attempts: 5,
    });
  }
});

test('while an outage is suspected, an event that has used up its attempts is retried, not dead-lettered', () => {
  for (const kind of ['failed', 'timed-out'] as const) {
    expect(decided({ kind, error }, 50, MIDDLE, SUSPICIOUS)).toEqual({
      action: 'retry',
      delayMs: 30_000,
      error,
      attempt: 50,
    });
  }
});

test('while the circuit is open a failure waits until after the next probe, uncharged, at any attempt', () => {
  for (const attempt of [1, 5, 500]) {
    for (const kind of ['failed', 'timed-out'] as const) {
      expect(decided({ kind, error }, attempt, MIDDLE, OPEN)).toEqual({ action: 'wait', delayMs: 4_000, error });
    }
  }
});

test('an open circuit changes nothing for an outcome that is not a failure of the handler', () => {
  const outcomes: Outcome[] = [
    { kind: 'handled' },
    { kind: 'settled-before' },
    { kind: 'released' },
    { kind: 'invalid', reason: 'schema', error },
    { kind: 'rejected', error },
    { kind: 'postponed', delayMs: 5, error },
    { kind: 'unavailable', error },
  ];
  for (const outcome of outcomes) expect(decided(outcome, 2, MIDDLE, OPEN)).toEqual(decided(outcome, 2));
});
