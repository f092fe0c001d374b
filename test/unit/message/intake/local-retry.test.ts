import { machineTime } from '../../../../host/base/time';
import { LocalRetryDelivery } from '../../../../host/message/intake/local-retry';
import { MessageBench } from '../../../support/message-bench';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function setUp(mayWait = true) {
  const inner = new MessageBench().delivery({}, { deliveryCount: 2 });
  const due = jest.fn();
  return {
    inner,
    due,
    delivery: new LocalRetryDelivery(inner, { time: machineTime, isDropped: () => false, mayWait: () => mayWait, due }),
  };
}

test('a local retry waits in this host, without an answer to the server', () => {
  const { inner, due, delivery } = setUp();
  delivery.retryLocally(1_000);
  expect(delivery).toMatchObject({ settled: true, isWaiting: true, hasLeft: false, deliveryCount: 3 });
  jest.advanceTimersByTime(999);
  expect(due).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1);
  expect(due).toHaveBeenCalledTimes(1);
  expect(delivery).toMatchObject({ settled: false, isWaiting: false, deliveryCount: 3 });
  expect(inner.answers).toEqual([]);
});

test('a nak is sent to the server', () => {
  const { inner, delivery } = setUp();
  delivery.nak(500);
  expect(inner.answers).toEqual(['nak 500']);
  expect(delivery.hasLeft).toBe(true);
});

test('a local retry in a stopping host is nacked at once', () => {
  const { inner, delivery } = setUp(false);
  delivery.retryLocally(60_000);
  expect(inner.answers).toEqual(['nak']);
  expect(jest.getTimerCount()).toBe(0);
});

test('a cancelled retry is never due', () => {
  const { due, delivery } = setUp();
  delivery.retryLocally(1_000);
  delivery.cancelRetry();
  jest.advanceTimersByTime(5_000);
  expect(due).not.toHaveBeenCalled();
  expect(delivery.settled).toBe(false);
});
