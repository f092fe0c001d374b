import { JetplugError } from '../../../sdk/internal';
import { whyNot, type RouteCandidate } from '../../../host/ops/why-not-received';
import type { ConsumingHandler } from '../../../host/plugin/consume';

const position = { pending: 0, inFlight: 0, ackFloor: 0, delivered: 0, created: '2026-05-12T12:00:00Z' };
const closed = { outage: undefined } as ConsumingHandler['circuit'];
const running = { waitsFor: undefined, circuit: closed, reason: undefined, pausedUntil: undefined };

/** The reason for a running handler of `a.*` and an event of `a.b`, with some changes. */
function why(
  changes: Partial<RouteCandidate> & { state?: string; errors?: JetplugError[] } = {},
): ReturnType<typeof whyNot> {
  const { state = 'running', errors = [], ...rest } = changes;
  const entry = { name: 'x', file: '/p/x.plugin.ts', state, errors } as unknown as RouteCandidate['entry'];
  const handler = { subject: 'a.*' } as RouteCandidate['handler'];
  const event = { subject: 'a.b', stream: 'S', nextSequence: 5 };
  return whyNot({ ...event, handler, entry, consuming: running, position, disabledBy: undefined, ...rest });
}

test('a running handler with a matching subject receives the event', () => {
  expect(why()).toBeUndefined();
  expect(why({ position: { ...position, startSequence: 5 } })).toBeUndefined();
  // Without an answer of the server the position is not known, which is no reason.
  expect(why({ position: undefined })).toBeUndefined();
});

test('a handler does not receive events of other subjects, without a stream, or before the start of its durable', () => {
  expect(why({ subject: 'b' })).toEqual({ reason: 'subject', why: 'it takes a.*', waits: false });
  expect(why({ stream: undefined })).toMatchObject({ reason: 'no-stream', waits: false });
  expect(why({ position: { ...position, startSequence: 6 } })).toEqual({
    reason: 'starts-later',
    why: 'its durable starts at sequence 6, and the event would be 5',
    waits: false,
  });
});

test('a handler that does not run receives the event later, if its durable is on the server', () => {
  const down = { consuming: undefined };
  const error = new JetplugError('JP_PLUGIN_SYNTAX', 'no sense', { file: '/p/y.ts', line: 3 });
  const place = { file: '/p/y.ts', line: 3 };
  const failed = { ...down, state: 'failed', errors: [error] };
  expect(why(failed)).toMatchObject({
    reason: 'failed',
    waits: true,
    why: expect.stringContaining('no sense'),
    ...place,
  });
  expect(why({ ...failed, position: undefined })).toMatchObject({ reason: 'failed', waits: false });
  const disabledBy = { from: 'config', key: 'plugins.x.enabled', file: '/c.yaml', line: 2 } as const;
  expect(why({ ...down, state: 'stopped', disabledBy })).toMatchObject({
    reason: 'disabled',
    why: expect.stringContaining('plugins.x.enabled is false'),
    file: '/c.yaml',
    line: 2,
  });
  expect(why({ ...down, state: 'stopped' })).toMatchObject({ reason: 'stopped' });
  expect(why({ ...down, state: 'loading' })).toMatchObject({ reason: 'loading' });
});

test('an older version that still runs receives the event, even if the newer one fails', () => {
  expect(why({ errors: [new JetplugError('JP_PLUGIN_SYNTAX', 'no sense')] })).toBeUndefined();
});

test('a handler with a paused durable receives the event later, unless there is another reason', () => {
  const pausedUntil = new Date(0);
  const why1970 = { reason: 'waiting', waits: true, why: expect.stringContaining('paused until 1970-') };
  expect(why({ consuming: { ...running, pausedUntil } })).toMatchObject(why1970);
  expect(why({ consuming: { ...running, pausedUntil, waitsFor: 'durable' } })?.why).toContain(
    'its durable was deleted',
  );
});

test('a handler that waits receives the event later, with the reason of its wait', () => {
  const outage = { since: new Date(0), reason: 'no ML' };
  const circuit = { outage } as ConsumingHandler['circuit'];
  expect(why({ consuming: { ...running, waitsFor: 'circuit', circuit } })).toMatchObject({
    reason: 'waiting',
    waits: true,
    why: expect.stringMatching(/circuit is open since 1970-.*\(no ML\)/),
  });
  for (const [waitsFor, says] of [
    ['durable', 'its durable was deleted'],
    ['order', 'an earlier one of their key'],
    ['refused', 'its durable delivers nothing (409 Exceeded MaxWaiting)'],
  ] as const) {
    const waiting = why({ consuming: { ...running, waitsFor, reason: '409 Exceeded MaxWaiting' } });
    expect(waiting).toMatchObject({ reason: 'waiting', waits: true, why: expect.stringContaining(says) });
  }
});
