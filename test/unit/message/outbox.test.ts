import fc from 'fast-check';
import { doAfterCommitWork } from '../../../host/message/after-commit';
import type { Decoded } from '../../../host/message/decode';
import { NO_FAILURES } from '../../../host/message/failures/failures';
import { derivedId, sendEmits, sendUnsent } from '../../../host/message/outbox';
import { passed, type Committed, type Ended, type Sent } from '../../../host/message/stages';
import { Later } from '../../../host/message/later';
import { Run } from '../../../host/message/run';
import { MessageBench, STORED_AT, type Given } from '../../support/message-bench';

const UUID_V8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function runOf(given: Given = {}, names: { plugin?: string; name?: string } = {}, attempt = 1): Run {
  const bench = new MessageBench(undefined, names);
  const envelope = { event_type: 'a.b', event_id: 'e1', timestamp: STORED_AT };
  const decoded: Decoded = { kind: 'decoded', envelope, fields: {}, hops: 0 };
  const run = new Run(bench.handler, bench.delivery({}, given), bench.registry);
  run.failures = { ...NO_FAILURES, charged: attempt - 1 };
  run.decoded = decoded;
  run.begin();
  return run;
}

test('a derived id is a UUID, the same in every run of the handler on the message', () => {
  const id = derivedId(runOf(), 'a.b', 0);
  expect(id).toMatch(UUID_V8);
  expect(derivedId(runOf({ deliveryCount: 5 }, {}, 3), 'a.b', 0)).toBe(id);
});

test('a derived id depends on ordinal, subject, handler, plugin, message, stream, and the message’s time', () => {
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

test('two different causes never have the same id', () => {
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

/** Sends the events of a run that has just been committed. */
async function send(run: Run): Promise<Ended> {
  const sent = sendEmits(passed<Committed>(run));
  const landed = sent instanceof Later ? await sent.promise() : sent;
  if (landed.outcome) return landed as Ended;
  const ended = doAfterCommitWork(passed<Sent>(landed));
  return ended instanceof Later ? ended.promise() : ended;
}

describe('sending', () => {
  const LONG_AGO = Date.now() - 3_600_000;

  /** A run that has published these subjects. */
  function publishing(given: Given, ...subjects: string[]) {
    const bench = new MessageBench();
    const envelope = { event_type: 'a.b', event_id: 'e1', timestamp: STORED_AT };
    const decoded: Decoded = { kind: 'decoded', envelope, fields: {}, hops: 0 };
    const again = (deliveryCount: number): Run => {
      const run = new Run(bench.handler, bench.delivery({}, { ...given, deliveryCount }), bench.registry);
      run.decoded = decoded;
      run.begin();
      subjects.forEach((subject, i) => {
        run.outbox.push({ id: derivedId(run, subject, i), subject, payload: '{}', headers: {} });
      });
      return run;
    };
    /** Ends a redelivery of the event, which another host has committed without sending its events. */
    const resend = async (run: Run): Promise<void> => {
      bench.commits.commitElsewhere({ sequence: run.delivery.sequence, emits: run.outbox });
      await bench.commits.open();
      await sendUnsent(run);
    };
    return { bench, again, resend };
  }

  test('a first delivery sends without a lookup, however old its message is', async () => {
    const { bench, again } = publishing({ storedAtMs: LONG_AGO }, 'a', 'b');
    expect(await send(again(1))).toMatchObject({ outcome: { kind: 'handled' } });
    expect(bench.journal).toEqual(['send a', 'send b']);
  });

  test('a redelivery of a committed event within half the duplicate window relies on the stream to drop duplicates', async () => {
    const { bench, again, resend } = publishing({ storedAtMs: Date.now() }, 'a');
    await send(again(1));
    await resend(again(2));
    expect(bench.journal).toEqual(['send a', 'commit 7', 'send a']);
    expect(bench.sent).toHaveLength(1);
  });

  test('a duplicate of an event that was committed before is no error, though the server counts its deliveries anew', async () => {
    const { bench, again, resend } = publishing({ storedAtMs: Date.now() }, 'a');
    await send(again(1));
    await resend(again(1));
    expect(bench.journal).toEqual(['send a', 'commit 7', 'send a']);
    expect(bench.log.lines).toEqual([]);
  });

  test('a late redelivery of a committed event sends only the events that the streams do not hold, as their duplicate windows may have passed', async () => {
    const { bench, again, resend } = publishing({ storedAtMs: LONG_AGO }, 'a', 'b', 'b');
    const first = again(1);
    for (const { id } of first.outbox) bench.forgotten.add(id);
    bench.sent.push(first.outbox[0]!, first.outbox[2]!);
    await resend(again(2));
    expect(bench.journal).toEqual(['commit 7', 'look a', 'look b', 'send b']);
    expect(bench.sent.map(({ id }) => id).sort()).toEqual(first.outbox.map(({ id }) => id).sort());
  });

  test('the age of an event from the retry queue counts from when it was first stored', async () => {
    const past = { failures: 0 };
    const old = publishing({ past, origin: { stream: 'EVENTS', sequence: 3, storedAtMs: LONG_AGO } }, 'a');
    await old.resend(old.again(1));
    expect(old.bench.journal).toEqual(['commit 7', 'look a', 'send a']);
    const fresh = publishing({ past, origin: { stream: 'EVENTS', sequence: 3, storedAtMs: Date.now() } }, 'a');
    await fresh.resend(fresh.again(1));
    expect(fresh.bench.journal).toEqual(['commit 7', 'send a']);
  });

  test('a long run looks up its events before it sends them: another host may have sent them meanwhile', async () => {
    const { bench, again } = publishing({ storedAtMs: Date.now() }, 'a');
    const run = again(1);
    Object.assign(run, { startedAtMs: performance.now() - 61_000 });
    await send(run);
    expect(bench.journal).toEqual(['look a', 'send a']);
  });

  test('an event whose lookup fails is not sent', async () => {
    const { bench, again, resend } = publishing({ storedAtMs: LONG_AGO }, 'a');
    bench.fail('look');
    await expect(resend(again(2))).rejects.toThrow('look failed');
    expect(bench.sent).toEqual([]);
  });

  test('a duplicate on a first delivery is logged as an error: another publisher uses the same id', async () => {
    const { bench, again } = publishing({ storedAtMs: Date.now() }, 'a');
    bench.sent.push(again(1).outbox[0]!);
    await send(again(2));
    expect(bench.log.lines).toEqual([]);
    await send(again(1));
    expect(bench.log.lines).toMatchObject([{ level: 'error', fields: { subject: 'a', cause: 'EVENTS:7' } }]);
  });
});
