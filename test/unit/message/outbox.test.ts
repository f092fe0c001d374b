import fc from 'fast-check';
import type { Decoded } from '../../../host/message/decode';
import { derivedId } from '../../../host/message/outbox';
import { Run } from '../../../host/message/run';
import { MessageBench, STORED_AT, type Given } from '../../support/message-bench';

const UUID_V8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function runOf(given: Given = {}, names: { plugin?: string; name?: string } = {}, attempt = 1): Run {
  const bench = new MessageBench(undefined, names);
  const envelope = { event_type: 'a.b', event_id: 'e1', timestamp: STORED_AT };
  const decoded: Decoded = { kind: 'decoded', envelope, fields: {}, headers: {}, hops: 0 };
  return new Run(bench.handler, bench.delivery({}, given), attempt, decoded);
}

test('is a UUID, the same in every run of the handler on the message', () => {
  const id = derivedId(runOf(), 'a.b', 0);
  expect(id).toMatch(UUID_V8);
  expect(derivedId(runOf({ deliveryCount: 5 }, {}, 3), 'a.b', 0)).toBe(id);
});

test('differs by ordinal, subject, handler, plugin, message, stream, and when the stream was made again', () => {
  const ids = [
    derivedId(runOf(), 'a.b', 0),
    derivedId(runOf(), 'a.b', 1),
    derivedId(runOf(), 'a.c', 0),
    derivedId(runOf({}, { name: 'other' }), 'a.b', 0),
    derivedId(runOf({}, { plugin: 'other' }), 'a.b', 0),
    derivedId(runOf({ sequence: 8 }), 'a.b', 0),
    derivedId(runOf({ stream: 'OTHER' }), 'a.b', 0),
    derivedId(runOf({ storedAtMs: Date.parse(STORED_AT) + 1 }), 'a.b', 0),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

interface Cause {
  stream: string;
  sequence: number;
  plugin: string;
  name: string;
  subject: string;
  ordinal: number;
}

test('two different causes never have one id', () => {
  const cause: fc.Arbitrary<Cause> = fc.record({
    stream: fc.constantFrom('S', 'S1', 'S11'),
    sequence: fc.integer({ min: 1, max: 120 }),
    plugin: fc.constantFrom('a', 'a-b'),
    name: fc.constantFrom('c', 'b-c'),
    subject: fc.constantFrom('x', 'x.1', 'x.11'),
    ordinal: fc.nat(12),
  });
  const idOf = ({ stream, sequence, plugin, name, subject, ordinal }: Cause) =>
    derivedId(runOf({ stream, sequence }, { plugin, name }), subject, ordinal);
  fc.assert(
    fc.property(cause, cause, (one, other) => {
      expect(idOf(one) === idOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
  );
});
