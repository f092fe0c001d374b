import type { HandlerDefinition } from '../../../host/load/describe';
import { Canary } from '../../../host/plugin/canary';

const handler = (durable: string): HandlerDefinition => ({ durable, name: durable }) as HandlerDefinition;
const event = (sequence: number): { stream: string; sequence: number } => ({ stream: 'EVENTS', sequence });

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function trial(...durables: string[]) {
  const told: string[] = [];
  const handlers = durables.map(handler);
  const made = new Canary(
    handlers,
    { events: 2, withinMs: 1_000 },
    {
      passed: () => told.push('passed'),
      failed: ({ name }, error) => told.push(`${name} failed: ${error.message}`),
    },
  );
  return { told, made, canaries: handlers.map((one) => made.canaryOf(one)!) };
}

test('a version has passed when each of its handlers has handled an event', () => {
  const { told, canaries } = trial('a', 'b');
  canaries[0]!.succeeded();
  expect(told).toEqual([]);
  canaries[1]!.succeeded();
  expect(told).toEqual(['passed']);
  jest.advanceTimersByTime(2_000);
  expect(told).toEqual(['passed']);
});

test('a version has passed when the time is over', () => {
  const { told, made, canaries } = trial('a');
  canaries[0]!.excuses(event(1), new Error('bad'));
  expect(made.isDoubtful).toBe(true);
  jest.advanceTimersByTime(1_000);
  expect(told).toEqual(['passed']);
  expect(made.isDoubtful).toBe(false);
});

test('one handler that fails at everything fails the version, once', () => {
  const { told, canaries } = trial('a', 'b');
  canaries[0]!.succeeded();
  for (const n of [1, 2, 3]) canaries[1]!.excuses(event(n), new Error('bad'));
  jest.advanceTimersByTime(2_000);
  expect(told).toEqual(['b failed: bad']);
});

test('a trial that is ended tells nothing more', () => {
  const { told, made, canaries } = trial('a');
  made.end();
  expect(canaries[0]!.excuses(event(1), new Error('bad'))).toBe(false);
  jest.advanceTimersByTime(2_000);
  expect(told).toEqual([]);
});

test('a handler without a version before has no probation', () => {
  expect(trial('a').made.canaryOf(handler('new'))).toBeUndefined();
});
