import fc from 'fast-check';
import type { RatePolicy } from '../../../../host/message/handler';
import { RateLimit } from '../../../../host/message/intake/rate-limit';

const policies = fc.record({ events: fc.integer({ min: 1, max: 20 }), perMs: fc.integer({ min: 1, max: 500 }) });

/** The greatest number of begins in a span of `perMs`, without the end of the span. */
function mostInSpan(begins: readonly number[], { perMs }: RatePolicy): number {
  return Math.max(0, ...begins.map((from) => begins.filter((at) => at >= from && at < from + perMs).length));
}

test('in no span of the rate’s length do more events begin than the rate allows, at any arrivals', () => {
  fc.assert(
    fc.property(
      policies,
      fc.array(
        fc.record({
          pauseMs: fc.nat({ max: 300 }),
          count: fc.integer({ min: 1, max: 20 }),
          lateMs: fc.nat({ max: 9 }),
        }),
        {
          maxLength: 60,
        },
      ),
      (policy, arrivals) => {
        const limit = new RateLimit(policy);
        const begins: number[] = [];
        let nowMs = 0;
        for (const arrival of arrivals) {
          nowMs += arrival.pauseMs;
          const count = Math.min(arrival.count, policy.events);
          nowMs += Math.max(0, limit.waitMs(count, nowMs));
          expect(limit.waitMs(count, nowMs)).toBeLessThanOrEqual(0);
          limit.take(count);
          for (let n = 0; n < count; n++) {
            nowMs += arrival.lateMs;
            limit.called(nowMs);
            begins.push(nowMs);
          }
        }
        expect(mostInSpan(begins, policy)).toBeLessThanOrEqual(policy.events);
      },
    ),
  );
});

test('an event begins as soon as the rate allows it: with enough events, each span is full', () => {
  fc.assert(
    fc.property(policies, (policy) => {
      const limit = new RateLimit(policy);
      let nowMs = 0;
      for (let span = 0; span < 5; span++) {
        for (let n = 0; n < policy.events; n++) {
          nowMs += Math.max(0, limit.waitMs(1, nowMs));
          limit.take(1);
          limit.called(nowMs);
        }
        expect(nowMs).toBe(span * policy.perMs);
      }
    }),
  );
});

test('a full window lets the next event begin after one span', () => {
  const limit = new RateLimit({ events: 3, perMs: 1_000 });
  limit.fill(50);
  expect(limit.waitMs(1, 50)).toBe(1_000);
  expect(limit.waitMs(3, 850)).toBe(200);
  expect(limit.waitMs(3, 1_050)).toBe(0);
});

test('an event has a place in the window until one span after its call, or until its place is freed', () => {
  const limit = new RateLimit({ events: 2, perMs: 1_000 });
  limit.take(2);
  expect(limit.waitMs(1, 50_000)).toBe(Infinity);
  limit.called(50_000);
  expect(limit.waitMs(1, 50_000)).toBe(1_000);
  expect(limit.waitMs(2, 50_000)).toBe(Infinity);
  limit.release();
  expect(limit.waitMs(1, 50_000)).toBe(0);
});
