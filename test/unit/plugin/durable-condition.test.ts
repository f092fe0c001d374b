import { DurableCondition } from '../../../host/plugin/durable-condition';
import { RecordingLog } from '../../../host/testing/recording-log';
import { machineTime } from '../../../host/base/time';
import { DURABLE as WILDCARD_DURABLE } from '../../support/durable-spec';

const DURABLE = { ...WILDCARD_DURABLE, subject: 'video.a', from: 'new' as const, ackWaitMs: 1_000 };
const LOOK = {
  pending: 0,
  inFlight: 0,
  pulls: 0,
  needs: 'nothing',
  corrections: [],
  drift: [],
  checkpoint: { created: '2026-05-12T12:00:00Z', delivered: 0, ackFloor: 0, isComplete: true },
} as const;

function bench() {
  const log = new RecordingLog();
  const time = { ...machineTime, atMs: 0, nowMs: () => time.atMs };
  const condition = new DurableCondition(DURABLE, log, time);
  return { condition, time, messages: () => log.lines.map(({ level, message }) => `${level}: ${message}`) };
}

test('a pause and its end are logged once each, however often they are seen', () => {
  const { condition, messages } = bench();
  const pausedUntil = new Date('2030-01-01');
  for (const look of [LOOK, { ...LOOK, pausedUntil }, { ...LOOK, pausedUntil }, LOOK, LOOK]) condition.checked(look);
  expect(messages()).toEqual(['warn: a durable consumer is paused', 'info: a durable consumer is resumed']);
  expect(condition.pausedUntil).toBeUndefined();
});

test('refused pulls are logged at the first one and when the reason is new, then when they are served', () => {
  const { condition, messages } = bench();
  for (const reason of ['a', 'a', 'b', 'a', 'b', 'a']) condition.refused(reason);
  expect(condition.reason).toBe('a');
  condition.served();
  expect(condition.reason).toBeUndefined();
  const refused = 'warn: the server refuses to deliver from a durable consumer';
  expect(messages()).toEqual([refused, refused, 'info: the server delivers from a durable consumer again']);
});

test('the failure of an unusable durable is the reason until the durable is usable; the same failure is logged once', () => {
  const { condition, messages } = bench();
  condition.refused('409 Exceeded MaxWaiting');
  for (let i = 0; i < 3; i++) condition.failed(new Error('not ours'), true);
  expect(condition.reason).toBe('not ours');
  condition.usable();
  expect(condition.reason).toBe('409 Exceeded MaxWaiting');
  expect(messages().slice(1)).toEqual([
    'warn: the durable consumer cannot be used',
    'info: the durable consumer can be used again',
  ]);
});

test('a server that does not answer yet is no refusal', () => {
  const { condition, messages } = bench();
  condition.failed(new Error('TIMEOUT'), false);
  expect([condition.reason, messages()]).toEqual([undefined, ['warn: the durable consumer cannot be made yet']]);
});

test('settings of another host are logged when they change', () => {
  const { condition, messages } = bench();
  const drift = ['ack_wait: 30 s → 15 s'];
  for (const look of [{ ...LOOK, drift }, { ...LOOK, drift }, LOOK, { ...LOOK, drift }]) condition.checked(look);
  expect(messages()).toHaveLength(2);
  expect(condition.drift).toEqual(drift);
});
