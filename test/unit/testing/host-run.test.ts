import type { Delivery } from '../../../host/broker/delivery';
import type { PullSink } from '../../../host/broker/pull';
import { HostRun } from '../../../host/testing/host-run';
import { memoryBackend } from '../../../host/testing/memory-backend';
import { configOf } from '../../../host/testing/options';
import { RecordingLog } from '../../../host/testing/recording-log';
import { TestClock } from '../../../host/testing/test-clock';
import { DURABLE } from '../../support/durable-spec';

const CONFIG = configOf({});
const STREAM = CONFIG.streams[0]!.name;
const SUBJECT = CONFIG.streams[0]!.subjects[0]!.replace('>', 'placed').replace('*', 'placed');
const EVENT = { id: 'e1', subject: SUBJECT, payload: '{}', headers: {} };
const SPEC = { ...DURABLE, stream: STREAM, subject: SUBJECT };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function bench() {
  const clock = new TestClock('2026-05-12T12:00:00.000Z');
  const backend = await memoryBackend(CONFIG, clock);
  const state = { diesAtAck: false };
  const startRun = (): HostRun => new HostRun(backend, CONFIG, new RecordingLog(), () => state.diesAtAck);
  return { backend, clock, state, startRun };
}

/** Whether the promise has settled by the next turn. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await turn();
  return settled;
}

function sinkOf(deliveries: Delivery[]): PullSink {
  const ignore = (): undefined => undefined;
  return {
    ...{ gone: ignore, returned: ignore, trouble: ignore, refused: ignore, served: ignore },
    capacity: () => 10,
    deliver: (delivery) => deliveries.push(delivery),
  };
}

test('the services of a run work on the backend', async () => {
  const { backend, startRun } = await bench();
  const host = startRun().host();
  expect(await host.outgoing.send(EVENT)).toMatchObject({ duplicate: false });
  expect([...(await host.outgoing.idsSince(SUBJECT, 0))]).toEqual(['e1']);
  await host.records.put('k', '1');
  expect((await backend.records.get('k'))?.value).toBe('1');
  expect(await host.broker.ensureDurable(SPEC)).toMatchObject({ pending: 1 });
});

test('a request of a dead host is never answered and has no effect', async () => {
  const { backend, startRun } = await bench();
  const run = startRun();
  const host = run.host();
  const { bucket } = await host.broker.openStore('shop');
  await run.die();
  const requests = [
    host.outgoing.send(EVENT),
    host.records.put('k', '1'),
    host.broker.ensureDurable(SPEC),
    bucket.put('k', '1'),
  ];
  expect(await Promise.all(requests.map(hasSettled))).toEqual([false, false, false, false]);
  expect(await backend.records.get('k')).toBeUndefined();
  expect((await backend.outgoing.idsSince(SUBJECT, 0)).size).toBe(0);
});

test('a request that is being answered as its host dies is not answered', async () => {
  const { backend, startRun } = await bench();
  const run = startRun();
  const request = run.host().records.put('k', '1');
  const died = run.die();
  expect(await hasSettled(request)).toBe(false);
  await died;
  expect((await backend.records.get('k'))?.value).toBe('1');
});

test('the timers of a dead host do not fire', async () => {
  const { clock, startRun } = await bench();
  const [run, other] = [startRun(), startRun()];
  const fired: string[] = [];
  run.host().time.after(1_000, () => fired.push('dead'));
  run.host().time.every(1_000, () => fired.push('dead, periodic'));
  other.host().time.after(1_000, () => fired.push('living'));
  await run.die();
  await clock.advance('5s');
  expect(fired).toEqual(['living']);
});

test('a cancelled timer does not fire', async () => {
  const { clock, startRun } = await bench();
  const act = jest.fn();
  startRun().host().time.after(1_000, act).cancel();
  await clock.advance('5s');
  expect(act).not.toHaveBeenCalled();
});

test('a dead host receives no deliveries, and cannot settle those that it has', async () => {
  const { backend, clock, startRun } = await bench();
  const run = startRun();
  const { broker } = run.host();
  await broker.ensureDurable(SPEC);
  const deliveries: Delivery[] = [];
  broker.pull(STREAM, SPEC.durable, sinkOf(deliveries)).start();
  await backend.outgoing.send(EVENT);
  await turn();
  await run.die();
  deliveries[0]!.ack();
  expect(deliveries[0]!.settled).toBe(true);
  expect(await backend.broker.durablePosition(STREAM, SPEC.durable)).toMatchObject({ inFlight: 1 });

  const next = startRun().host().broker;
  const redelivered: Delivery[] = [];
  next.pull(STREAM, SPEC.durable, sinkOf(redelivered)).start();
  await clock.advance('31s');
  expect(redelivered.map(({ deliveryCount }) => deliveryCount)).toEqual([2]);
  expect(deliveries).toHaveLength(1);
});

test('an ack before which the host is to die is not sent', async () => {
  const { backend, state, startRun } = await bench();
  const { broker } = startRun().host();
  await broker.ensureDurable(SPEC);
  const deliveries: Delivery[] = [];
  broker.pull(STREAM, SPEC.durable, sinkOf(deliveries)).start();
  await backend.outgoing.send(EVENT);
  await turn();
  state.diesAtAck = true;
  deliveries[0]!.ack();
  deliveries[0]!.working();
  expect(await backend.broker.durablePosition(STREAM, SPEC.durable)).toMatchObject({ inFlight: 1 });
});
