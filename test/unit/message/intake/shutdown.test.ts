import { machineTime } from '../../../../host/base/time';
import { shutDown } from '../../../../host/message/intake/shutdown';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function setUp(running: number) {
  const steps: string[] = [];
  const step = (name: string) => (): void => void steps.push(name);
  let end!: () => void;
  const idle = new Promise<void>((resolve) => (end = resolve));
  const stopped = shutDown(
    {
      permits: { running, stop: step('stop permits'), idle: () => idle },
      executions: { releaseWaiting: step('release waiting'), releaseAll: step('release all') },
      time: machineTime,
      releaseQueued: step('release queued'),
    },
    20_000,
  );
  return { steps, stopped, end };
}

test('a shutdown releases the deliveries that have not begun, and resolves at once when nothing runs', async () => {
  const { steps, stopped } = setUp(0);
  await stopped;
  expect(steps).toEqual(['stop permits', 'release queued', 'release waiting']);
  expect(jest.getTimerCount()).toBe(0);
});

test('a shutdown releases the runs that have not ended within the grace period', async () => {
  const { steps, stopped, end } = setUp(1);
  await jest.advanceTimersByTimeAsync(19_999);
  expect(steps).not.toContain('release all');
  await jest.advanceTimersByTimeAsync(1);
  expect(steps.at(-1)).toBe('release all');
  end();
  await stopped;
});

test('a run that ends within the grace period is not interrupted', async () => {
  const { steps, stopped, end } = setUp(1);
  end();
  await stopped;
  expect(steps).not.toContain('release all');
  expect(jest.getTimerCount()).toBe(0);
});
