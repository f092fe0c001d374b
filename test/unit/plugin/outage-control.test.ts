import type { Delivery } from '../../../host/broker/delivery';
import type { PluginHost } from '../../../host/plugin/plugin-host';
import { OutageControl, type OutageControlOptions } from '../../../host/plugin/outage-control';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { RecordingLog } from '../../../host/testing/recording-log';

const POLICY = { messages: 2, overMs: 0 };
const OUTAGE = { since: new Date('2026-05-12'), reason: 'no database' };
const message = (sequence: number) => ({ stream: 'EVENTS', sequence, storedAtMs: 0 });

function controlling({ failsToStore = false, before = {} } = {}) {
  const time = new VirtualTime(0);
  const log = new RecordingLog();
  const calls: string[] = [];
  const stored = (call: string) => async (): Promise<void> => {
    calls.push(call);
    if (failsToStore) throw new Error('no answer');
  };
  const intake = { running: 0, queued: 0, admit: (count: number) => calls.push(`admit ${count}`) };
  const feed = (name: string) => ({
    pause: () => calls.push(`pause ${name}`),
    probe: () => calls.push(`probe ${name}`),
    resume: () => calls.push(`resume ${name}`),
  });
  const control = new OutageControl(
    {
      handler: 'award',
      feeds: [feed('stream'), feed('retries')],
      intake,
      attempts: { charge: ({ sequence }: { sequence: number }) => stored(`charge ${sequence}`)() },
      outages: { begin: stored('begin'), store: stored('store'), end: stored('end') },
      before: { failing: [], ...before },
    } as unknown as OutageControlOptions,
    { config: { delivery: { circuit: POLICY } }, time } as unknown as PluginHost,
    log,
  );
  const fails = (...sequences: number[]): void => {
    for (const sequence of sequences) control.circuit.failed(message(sequence), new Error('no database'));
  };
  const take = (): string[] => calls.splice(0);
  return { control, time, log, calls, intake, fails, take };
}

test('a circuit that opens pauses the feeds, and nothing more begins', () => {
  const { fails, take, log } = controlling();
  fails(1, 2);
  expect(take()).toEqual(['begin', 'pause stream', 'pause retries', 'admit 0']);
  expect(log.lines).toMatchObject([
    {
      level: 'error',
      message: 'everything fails: the circuit opens and the events wait',
      fields: { handler: 'award' },
    },
  ]);
});

test('each probe admits one event, after waits that grow', () => {
  const { fails, take, time } = controlling();
  fails(1, 2);
  take();
  const atMs: number[] = [];
  for (let i = 0; i < 5; i++) {
    time.step(Infinity, false);
    atMs.push(time.nowMs());
    expect(take()).toEqual(['store', 'probe stream', 'probe retries', 'admit 1']);
  }
  expect(atMs).toEqual([1_000, 3_000, 8_000, 18_000, 28_000]);
});

test('while a probe runs no other one begins; buffered events are probed before new ones are requested', () => {
  const { fails, take, time, intake } = controlling();
  fails(1, 2);
  take();
  intake.running = 1;
  time.step(Infinity, false);
  expect(take()).toEqual(['store']);
  Object.assign(intake, { running: 0, queued: 3 });
  time.step(Infinity, false);
  expect(take()).toEqual(['store', 'admit 1']);
});

test('a success closes the circuit: the feeds resume, and no probe follows', () => {
  const { control, fails, take, time } = controlling();
  fails(1, 2);
  take();
  control.circuit.succeeded(message(3));
  expect(take()).toEqual(['end', 'admit Infinity', 'resume stream', 'resume retries']);
  expect(time.step(Infinity, false)).toBe(false);
});

test('a success charges the failures of other events', () => {
  const { control, fails, take } = controlling();
  fails(1);
  control.circuit.succeeded(message(2));
  expect(take()).toEqual(['charge 1']);
});

test('an outage that an earlier host has recorded is resumed at the start', () => {
  const { control, take, log } = controlling({ before: { outage: OUTAGE } });
  expect(take()).toEqual([]);
  control.start();
  expect(take()).toEqual(['pause stream', 'pause retries', 'admit 0']);
  expect(log.lines[0]).toMatchObject({ fields: OUTAGE });
});

test('an event that has failed in the outage is no probe while others are pending', () => {
  const { control, fails, take } = controlling();
  fails(1, 2);
  take();
  const naks: number[] = [];
  const delivery = (sequence: number, pending: number) =>
    ({ ...message(sequence), pending, nak: (delayMs: number) => naks.push(delayMs) }) as unknown as Delivery;
  expect(control.chooseProbe(delivery(1, 5))).toBeUndefined();
  expect([naks, take()]).toEqual([[2_000], ['probe stream']]);
  for (const chosen of [delivery(1, 0), delivery(3, 5)]) expect(control.chooseProbe(chosen)).toBe(chosen);
});

test('a new version resets the probe backoff, and failed events may be probed again', () => {
  const { control, fails, take, time } = controlling();
  fails(1, 2);
  for (let i = 0; i < 4; i++) time.step(Infinity, false);
  take();
  const beganMs = time.nowMs();
  control.handlerRenewed();
  time.step(Infinity, false);
  expect([time.nowMs() - beganMs, control.circuit.hasTried(message(1))]).toEqual([1_000, false]);
});

test('after a stop no probe is made', () => {
  const { control, fails, take, time } = controlling();
  fails(1, 2);
  take();
  control.stop();
  expect([time.step(Infinity, false), take()]).toEqual([false, []]);
});

test('a count that cannot be stored is logged, and the circuit opens all the same', async () => {
  const { fails, log, calls } = controlling({ failsToStore: true });
  fails(1, 2);
  await new Promise(setImmediate);
  expect(calls).toContain('admit 0');
  expect(log.lines.map(({ message: text }) => text)).toContain('the count of failures could not be recorded');
});
