import { Plugin, RetryLater, Subscribe } from 'jetplug/sdk';
import type { PullSink } from '../../../host/broker/pull';
import { consume, Consumption } from '../../../host/plugin/consume';
import type { HandlerVersion } from '../../../host/plugin/handler-views';
import { reconcileHandler, specOf } from '../../../host/plugin/reconcile';
import { describe as read } from '../../../host/load/describe';
import { memoryHost, settle, versionOf } from '../../support/memory-host';

type Body = (event: { n: number }) => unknown;

@Plugin({ name: 'badge' })
class BadgePlugin {
  @Subscribe('video.watched', { concurrency: 2, retry: { attempts: 2, backoff: ['1s'] } })
  award(): void {}
  @Subscribe('video.liked', { key: 'user' })
  rank(): void {}
}

const begun: Consumption[] = [];
afterEach(async () => {
  for (const consumption of begun.splice(0)) await consumption.stop(0);
});

/** One handler of the plugin, with its durable. */
async function prepared(method: 'award' | 'rank', base = memoryHost()) {
  const { host } = base;
  host.commits.enter('badge');
  const plugin = read(versionOf(BadgePlugin), host.config);
  const definition = plugin.handlers.find((one) => one.method === method)!;
  const reconciled = await reconcileHandler(plugin, specOf(plugin, definition, host.streams, host.config), host);
  /** The handler in a version whose method has this body. */
  const handler = (version: string, body: Body): HandlerVersion => ({
    plugin: { ...plugin, version },
    definition,
    code: {
      handler: () => (event: { n: number }) => body(event),
      processes: undefined,
    } as unknown as HandlerVersion['code'],
    canary: undefined,
  });
  return { ...base, plugin, definition, reconciled, handler };
}

/** The prepared handler, which now consumes. */
async function consuming(method: 'award' | 'rank', body: Body, base = memoryHost()) {
  const made = await prepared(method, base);
  const consumption = consume(made.handler('v1', body), made.reconciled, made.host);
  begun.push(consumption);
  const position = () => base.broker.durablePosition('EVENTS', made.definition.durable);
  return { ...made, consumption, position };
}

test('events are handled and acknowledged', async () => {
  const seen: number[] = [];
  const { publish, until, position } = await consuming('award', ({ n }) => seen.push(n));
  for (const n of [1, 2, 3]) publish('video.watched', { n });
  await until(() => seen.length === 3);
  expect(seen).toEqual([1, 2, 3]);
  expect(await position()).toMatchObject({ pending: 0, inFlight: 0, ackFloor: 3 });
});

test('a consumption that was not started watches nothing and pulls nothing', async () => {
  const seen: number[] = [];
  const { broker, host, handler, reconciled, publish } = await prepared('award');
  const watched = jest.spyOn(broker, 'watchDurable');
  new Consumption(
    handler('v1', ({ n }) => seen.push(n)),
    reconciled,
    host,
  );
  publish('video.watched', { n: 1 });
  await settle();
  expect([seen, watched.mock.calls]).toEqual([[], []]);
});

test('when every event fails the circuit opens and the events wait; a successful probe closes it', async () => {
  let isDown = true;
  const seen: number[] = [];
  const { publish, until, consumption, messages, position } = await consuming('award', ({ n }) => {
    if (isDown) throw new Error('no database');
    seen.push(n);
  });
  for (let n = 1; n <= 30; n++) publish('video.watched', { n });
  await until(() => consumption.circuit.isOpen);
  expect([consumption.state, consumption.waitsFor]).toEqual(['waiting', 'circuit']);
  expect(messages('error')).toContain('everything fails: the circuit opens and the events wait');
  isDown = false;
  await until(() => seen.length === 30);
  expect([consumption.state, consumption.waitsFor]).toEqual(['running', undefined]);
  expect(messages('info')).toContain('the handler works again: the circuit closes');
  expect(await position()).toMatchObject({ pending: 0, inFlight: 0 });
});

test('a host resumes the outage that an earlier host has recorded', async () => {
  let isDown = true;
  const seen: number[] = [];
  const body: Body = ({ n }) => {
    if (isDown) throw new Error('no database');
    seen.push(n);
  };
  const first = await consuming('award', body);
  for (let n = 1; n <= 10; n++) first.publish('video.watched', { n });
  await first.until(() => first.consumption.circuit.isOpen);
  await first.consumption.stop(0);
  const second = await consuming('award', body, first);
  expect(second.consumption.waitsFor).toBe('circuit');
  expect(second.messages('error')).toContain('the circuit was open when the previous host ended: the events wait');
  isDown = false;
  await second.until(() => seen.length === 10);
});

test('a new version takes over the buffered events; a run ends on the version that it began on', async () => {
  const seen: string[] = [];
  let end = (): void => undefined;
  const { publish, consumption, handler } = await consuming('award', async ({ n }) => {
    await new Promise<void>((resolve) => (end = resolve));
    seen.push(`v1 ${n}`);
  });
  publish('video.watched', { n: 1 });
  await settle();
  const ended = consumption.swap(handler('v2', ({ n }) => seen.push(`v2 ${n}`)));
  publish('video.watched', { n: 2 });
  await settle();
  expect(seen).toEqual(['v2 2']);
  end();
  await ended;
  expect(seen).toEqual(['v2 2', 'v1 1']);
});

test('a new version brings the next probe of an open circuit forward', async () => {
  const { publish, until, consumption, time, handler } = await consuming('award', () => {
    throw new Error('no database');
  });
  for (let n = 1; n <= 30; n++) publish('video.watched', { n });
  await until(() => consumption.circuit.isOpen && consumption.circuit.probeDelayMs === 10_000);
  const seen: number[] = [];
  void consumption.swap(handler('v2', ({ n }) => seen.push(n)));
  const swappedAtMs = time.nowMs();
  await until(() => seen.length > 0);
  expect(time.nowMs() - swappedAtMs).toBeLessThan(2_000);
  await until(() => seen.length === 30);
});

test('a deferred event is redelivered from the retry queue, on its own feed', async () => {
  const times: number[] = [];
  const { publish, until, time, broker, position } = await consuming('award', () => {
    times.push(time.nowMs());
    if (times.length === 1) throw new RetryLater('1h');
  });
  expect(await broker.durablePosition('RETRY', 'badge--award')).toBeUndefined();
  publish('video.watched', { n: 1 });
  await until(() => times.length === 2);
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(3_600_000);
  await settle();
  expect(await position()).toMatchObject({ inFlight: 0 });
  expect(await broker.durablePosition('RETRY', 'badge--award')).toMatchObject({ pending: 0, inFlight: 0 });
});

test('a message in the retry queue that no host has deferred is skipped', async () => {
  const seen: number[] = [];
  const { broker, until, messages } = await consuming('award', ({ n }) => seen.push(n));
  broker.store({ subject: 'retry.badge.award.x', payload: Buffer.from('{}'), headers: {} });
  await until(() => messages('error').length > 0);
  expect(messages('error')).toEqual(['skipped a message in the retry queue that no host has deferred']);
  expect(seen).toEqual([]);
});

test('events of one key are handled in order: a host waits for an event that a dead host has left in flight', async () => {
  const { broker, publish, reconciled, ...base } = await prepared('rank');
  publish('video.liked', { user: 'u1', n: 1 });
  const taken = jest.fn();
  const sink = { capacity: () => 1, deliver: taken } as unknown as PullSink;
  const dead = broker.pull('EVENTS', reconciled.durable.durable, sink);
  dead.start();
  await settle();
  await dead.stop();
  expect(taken).toHaveBeenCalledTimes(1);

  const seen: number[] = [];
  const { consumption, until } = await consuming('rank', ({ n }) => seen.push(n), { broker, publish, ...base });
  publish('video.liked', { user: 'u1', n: 2 });
  await settle();
  expect([seen, consumption.waitsFor]).toEqual([[], 'order']);
  await until(() => seen.length === 2);
  expect([seen, consumption.waitsFor]).toEqual([[1, 2], undefined]);
});

test('a stop nacks the events that have not begun and waits for those that run', async () => {
  const ends: (() => void)[] = [];
  const { publish, consumption, position } = await consuming('award', () => new Promise<void>((end) => ends.push(end)));
  for (let n = 1; n <= 6; n++) publish('video.watched', { n });
  await settle();
  expect(consumption.running).toBe(2);
  let isOver = false;
  const stopped = consumption.stop(10_000).then(() => (isOver = true));
  await settle();
  expect(isOver).toBe(false);
  for (const end of ends) end();
  await stopped;
  expect(await position()).toMatchObject({ inFlight: 4, ackFloor: 2 });
});

test('a version can take the feeds over unless its subject, key or batch differs', async () => {
  const { consumption, plugin, definition } = await consuming('award', () => undefined);
  const canSwap = (changed: object): boolean => consumption.canSwapTo(plugin, { ...definition, ...changed });
  expect(canSwap({ concurrency: 9, timeoutMs: 1 })).toBe(true);
  for (const changed of [{ subject: 'video.*' }, { key: 'user' }, { batch: { size: 2, waitMs: 5 } }, { name: 'x' }]) {
    expect(canSwap(changed)).toBe(false);
  }
});
