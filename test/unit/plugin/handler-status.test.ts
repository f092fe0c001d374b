import { JetplugError } from '../../../sdk/internal';
import { HandlerStatus, type StatusSources } from '../../../host/plugin/handler-status';

const SHORTENED = new JetplugError('JP_LOG_SHORTENED', 'the commit log ends at 3');
const UNTIL = new Date('2030-01-01');

interface State {
  reason?: string;
  pausedUntil?: Date;
  isMissing?: boolean;
  isWaitingForRedeliveries?: boolean;
  isOpen?: boolean;
  isFull?: boolean;
  failure?: JetplugError;
  processes?: readonly string[];
}

function statusOf({
  isOpen = false,
  isFull = false,
  failure,
  processes,
  reason,
  pausedUntil,
  ...feed
}: State): HandlerStatus {
  const condition = { reason, pausedUntil, drift: ['ack_wait: 30 s → 15 s'] };
  const sound = { condition: { drift: [] }, isMissing: false, isWaitingForRedeliveries: false };
  return new HandlerStatus({
    feeds: [sound, { condition, isMissing: false, isWaitingForRedeliveries: false, ...feed }],
    circuit: { isOpen },
    intake: { isFull },
    logFailure: () => failure,
    code: () => ({ processes: processes?.map((state) => ({ state, restarts: 0 })) }),
  } as unknown as StatusSources);
}

test.each<[what: string, state: State, waitsFor: string | undefined, shown: string]>([
  ['a handler with nothing in its way', {}, undefined, 'running'],
  ['a durable that must not be used', { reason: 'not ours', isMissing: true, isOpen: true }, 'refused', 'waiting'],
  ['a durable that is gone', { isMissing: true, isOpen: true }, 'durable', 'waiting'],
  ['a durable that is gone and was paused', { isMissing: true, pausedUntil: UNTIL }, 'durable', 'waiting'],
  ['a commit log that cannot be used', { failure: SHORTENED, isOpen: true }, 'log', 'waiting'],
  ['an open circuit', { isOpen: true, isFull: true }, 'circuit', 'waiting'],
  ['no process that runs', { processes: ['starting', 'waiting'], isFull: true }, 'process', 'waiting'],
  ['one process that runs', { processes: ['starting', 'running'] }, undefined, 'running'],
  ['too many events behind one key', { isFull: true }, 'order', 'waiting'],
  ['older events that are waited for', { isWaitingForRedeliveries: true }, 'order', 'waiting'],
  ['a paused durable', { pausedUntil: UNTIL }, undefined, 'paused'],
  ['a paused durable and an open circuit', { pausedUntil: UNTIL, isOpen: true }, 'circuit', 'paused'],
])('%s', (_what, state, waitsFor, shown) => {
  const status = statusOf(state);
  expect([status.waitsFor, status.state]).toEqual([waitsFor, shown]);
});

test('a commit log that cannot be used is a reason in words', () => {
  expect(statusOf({ failure: SHORTENED }).reason).toBe('the commit log ends at 3 (JP_LOG_SHORTENED)');
});

test('the reason, the pause and the drift may come from any feed', () => {
  const status = statusOf({ reason: 'not ours', pausedUntil: UNTIL });
  expect([status.reason, status.pausedUntil, status.drift]).toEqual(['not ours', UNTIL, ['ack_wait: 30 s → 15 s']]);
});
