import type { DurablePosition } from '../../../host/broker/durable';
import type { Connection } from '../../../host/nats/connection';
import { HandlerLags } from '../../../host/ops/handler-lags';

const DURABLE = { stream: 'EVENTS', durable: 'badge-award', subject: 'video.*' };
const position = (ackFloor: number, pending = 1, inFlight = 0): DurablePosition => ({
  pending,
  inFlight,
  ackFloor,
  delivered: 0,
  created: '2026-05-12T12:00:00Z',
});

/** A stream whose message n was stored at second n. The test sets the time in seconds. */
function setUp() {
  const asked: object[] = [];
  let nowS = 0;
  let isDown = false;
  const requests = {
    askApi: async (_request: string, query: { seq: number }) => {
      asked.push(query);
      if (isDown) throw new Error('no permission');
      return { message: { time: new Date(query.seq * 1_000).toISOString() } };
    },
  };
  const lags = new HandlerLags(() => nowS * 1_000);
  return {
    asked,
    fail: () => (isDown = true),
    lagAt: (seconds: number, at: DurablePosition | undefined) => {
      nowS = seconds;
      return lags.lagS(DURABLE, at, { requests } as unknown as Connection);
    },
  };
}

test('a handler without unhandled events has no lag, which takes no request', async () => {
  const { lagAt, asked } = setUp();
  expect(await lagAt(100, position(7, 0, 0))).toBe(0);
  expect(await lagAt(100, undefined)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('the lag is the age of the first event of the subject behind the ack floor, and grows between two requests', async () => {
  const { lagAt, asked } = setUp();
  expect(await lagAt(10, position(7))).toBe(2);
  expect(await lagAt(24, position(7, 0, 3))).toBe(16);
  expect(asked).toEqual([{ seq: 8, next_by_subj: 'video.*' }]);
});

test('while the ack floor moves there is one request in 15 s, and the lag of the last request in between', async () => {
  const { lagAt, asked } = setUp();
  expect(await lagAt(100, position(7))).toBe(92);
  expect(await lagAt(101, position(50))).toBe(92);
  expect(await lagAt(114, position(90))).toBe(92);
  expect(await lagAt(115, position(110))).toBe(4);
  expect(asked).toHaveLength(2);
});

test('a request that fails gives no lag, and is not repeated for 15 s', async () => {
  const { lagAt, asked, fail } = setUp();
  fail();
  expect(await lagAt(100, position(7))).toBeUndefined();
  expect(await lagAt(105, position(7))).toBeUndefined();
  expect(asked).toHaveLength(1);
});
