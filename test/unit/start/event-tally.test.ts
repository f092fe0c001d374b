import { EventTally } from '../../../host/start/event-tally';
import type { StoredEvent } from '../../../host/nats/stored-event';

const events = (...sequences: number[]): StoredEvent[] => sequences.map((sequence) => ({ sequence }) as StoredEvent);
const refused = (index: number, ...messages: string[]) => ({
  ...{ index, reason: 'schema' },
  issues: messages.map((message) => ({ field: 'tags.*', message })),
});
const pass = { subject: 'a.b', from: 1, storedFrom: 1, waits: [] };

test('an event counts as stored from the first of the newest on, and as waiting behind the ack floor of each handler', () => {
  const tally = new EventTally();
  const waits = [
    { handler: 'fast', ackFloor: 4 },
    { handler: 'slow', ackFloor: 1 },
  ];
  const judgement = { upcast: [0, 3], refused: [refused(1, 'no')] };
  tally.add(events(2, 3, 4, 5), judgement, { ...pass, from: 2, storedFrom: 3, waits });
  expect(tally.stored).toEqual({ judged: 3, refused: 1, upcast: 1 });
  expect(tally.waitingOf('slow')).toEqual({ judged: 4, refused: 1, upcast: 2 });
  expect(tally.waitingOf('fast')).toEqual({ judged: 1, refused: 0, upcast: 1 });
  expect(tally.waitingOf('new')).toEqual({ judged: 0, refused: 0, upcast: 0 });
});

test('a fault counts once for an event, has three examples, and the most frequent fault is first', () => {
  const tally = new EventTally();
  const faults = [refused(0, 'rare'), ...[1, 2, 3, 4].map((index) => refused(index, 'often', 'often'))];
  tally.add(events(10, 11, 12, 13, 14), { upcast: [], refused: faults }, pass);
  expect(tally.faults.byField).toEqual([
    { reason: 'schema', field: 'tags.*', message: 'often', events: 4, examples: [11, 12, 13] },
    { reason: 'schema', field: 'tags.*', message: 'rare', events: 1, examples: [10] },
  ]);
});

test('a hundred kinds of faults are kept, and the others counted', () => {
  const tally = new EventTally();
  const all = Array.from({ length: 130 }, (_, index) => refused(index, `has the value ${index}`));
  tally.add(events(...all.map(({ index }) => index + 1)), { upcast: [], refused: all }, pass);
  expect(tally.faults.byField).toHaveLength(100);
  expect(tally.faults.others).toBe(30);
  expect(tally.stored.refused).toBe(130);
});
