import type { HandlerDefinition } from '../../../host/load/describe';
import { Canary } from '../../../host/plugin/canary';

const handler = (durable: string): HandlerDefinition => ({ durable, name: durable }) as HandlerDefinition;
const event = (sequence: number): { stream: string; sequence: number } => ({ stream: 'EVENTS', sequence });

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function startCanary(...durables: string[]) {
  const events: string[] = [];
  const handlers = durables.map(handler);
  const canary = new Canary(
    handlers,
    { events: 2, withinMs: 1_000 },
    {
      passed: () => events.push('passed'),
      failed: ({ name }, error) => events.push(`${name} failed: ${error.message}`),
    },
  );
  canary.start();
  return { events, canary, canaries: handlers.map((one) => canary.canaryOf(one)!) };
}

test('a version has passed when each of its handlers has handled an event', () => {
  const { events, canaries } = startCanary('a', 'b');
  canaries[0]!.succeeded();
  expect(events).toEqual([]);
  canaries[1]!.succeeded();
  expect(events).toEqual(['passed']);
  jest.advanceTimersByTime(2_000);
  expect(events).toEqual(['passed']);
});

test('a version has passed when the canary time is over', () => {
  const { events, canary, canaries } = startCanary('a');
  canaries[0]!.excuses(event(1), new Error('bad'));
  expect(canary.isDoubtful).toBe(true);
  jest.advanceTimersByTime(1_000);
  expect(events).toEqual(['passed']);
  expect(canary.isDoubtful).toBe(false);
});

test('one handler that fails every event fails the version, once', () => {
  const { events, canaries } = startCanary('a', 'b');
  canaries[0]!.succeeded();
  for (const n of [1, 2, 3]) canaries[1]!.excuses(event(n), new Error('bad'));
  jest.advanceTimersByTime(2_000);
  expect(events).toEqual(['b failed: bad']);
});

test('a canary phase that is ended reports nothing more', () => {
  const { events, canary, canaries } = startCanary('a');
  canary.end();
  expect(canaries[0]!.excuses(event(1), new Error('bad'))).toBe(false);
  jest.advanceTimersByTime(2_000);
  expect(events).toEqual([]);
});

test('a handler without an earlier version has no canary', () => {
  expect(startCanary('a').canary.canaryOf(handler('new'))).toBeUndefined();
});
