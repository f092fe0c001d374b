import type { Connection } from '../../../host/nats/connection';
import { ConfigGeneration, newerConfigFor } from '../../../host/nats/config-generation';
import { applyConfig, fingerprintOf } from '../../../host/nats/generation-record';
import { loadConfig } from '../../../host/config/load';
import { RecordingLog } from '../../../host/testing/recording-log';
import type { Time } from '../../../host/base/time';
import { MemoryKeyValue } from '../../support/memory-key-value';

/** The subscriptions of all hosts of a test. */
class FakeBus {
  private readonly subjects: string[] = [];

  connection(): Pick<Connection, 'nc' | 'connected'> {
    const nc = {
      flush: async () => undefined,
      subscribe: (subject: string) => {
        this.subjects.push(subject);
        return { unsubscribe: () => void this.subjects.splice(this.subjects.indexOf(subject), 1) };
      },
      request: async (subject: string) => {
        if (!this.subjects.includes(subject)) throw Object.assign(new Error('503'), { code: '503' });
      },
    };
    return { nc, connected: true } as unknown as Connection;
  }
}

/** A time whose timers do not run: a test calls each check itself. */
class StoppedTime implements Time {
  private elapsedMs = 0;

  advance(ms: number): void {
    this.elapsedMs += ms;
  }

  epochMs(): number {
    return Date.parse('2026-05-12T12:00:00Z') + this.elapsedMs;
  }

  nowMs(): number {
    return this.elapsedMs;
  }

  readonly soon = () => undefined;
  readonly after = () => ({ cancel: () => undefined });
  readonly every = () => ({ cancel: () => undefined });
}

let bus: FakeBus;
let records: MemoryKeyValue;
let time: StoppedTime;
let log: RecordingLog;

beforeEach(() => {
  bus = new FakeBus();
  records = new MemoryKeyValue();
  time = new StoppedTime();
  log = new RecordingLog();
});

async function start(fingerprint: string, host = fingerprint, claims = true): Promise<ConfigGeneration> {
  const options = { connection: bus.connection(), records, fingerprint, host, log, time, claims };
  const generation = await ConfigGeneration.open(options, true);
  await generation.claim();
  return generation;
}

test('hosts with the same config share a generation', async () => {
  const [a, b] = [await start('old', 'a'), await start('old', 'b')];
  await Promise.all([a.check(), b.check()]);
  expect([a.waits, b.waits]).toEqual([false, false]);
  expect(JSON.parse((await records.get('generation'))!.value!)).toMatchObject({ number: 1, host: 'a', earlier: [] });
});

test('the host that starts with another config decides, and the earlier one waits', async () => {
  const [a, b] = [await start('old'), await start('new')];
  await Promise.all([a.check(), b.check()]);
  expect([a.newer, b.newer]).toEqual([{ generation: 2, host: 'new', since: '2026-05-12T12:00:00.000Z' }, undefined]);
  expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
});

test('a host with an earlier config waits from its start while a host of the newer one runs', async () => {
  await start('old');
  await start('new');
  const again = await start('old', 'restarted');
  expect(again.newer).toMatchObject({ generation: 2, host: 'new' });
});

test('a host with an earlier config decides at once where no host of the newer one runs', async () => {
  (await start('old')).stop();
  (await start('new')).stop();
  const again = await start('old', 'rolled back');
  expect(again.waits).toBe(false);
  expect(JSON.parse((await records.get('generation'))!.value!)).toMatchObject({ number: 3, earlier: ['new'] });
});

test('a waiting host decides when the newer one has been away for a minute, however often it checks', async () => {
  const [a, b] = [await start('old'), await start('new')];
  await a.check();
  b.stop();
  for (let checks = 0; checks < 20; checks++) await a.check();
  time.advance(59_000);
  await a.check();
  expect(a.waits).toBe(true);
  time.advance(5_000);
  await a.check();
  expect(a.waits).toBe(false);
  expect(log.lines.map(({ message }) => message)).toContain(
    'no host of the newer configuration runs; this host applies its own again',
  );
});

test('a short absence of the newer host changes nothing', async () => {
  const [a, b] = [await start('old'), await start('new')];
  await a.check();
  for (let restarts = 0; restarts < 3; restarts++) {
    b.stop();
    await a.check();
    time.advance(40_000);
    await start('new');
    await a.check();
  }
  expect(a.waits).toBe(true);
});

test('hosts that may not subscribe never take over from each other', async () => {
  bus.connection = () => {
    const request = () => Promise.reject(Object.assign(new Error('503'), { code: '503' }));
    const nc = { flush: async () => undefined, subscribe: () => ({ unsubscribe: () => undefined }), request };
    return { nc, connected: true } as unknown as Connection;
  };
  const [a, b] = [await start('old'), await start('new')];
  for (let checks = 0; checks < 10; checks++) {
    await Promise.all([a.check(), b.check()]);
    time.advance(60_000);
  }
  expect([a.waits, b.waits]).toEqual([true, false]);
});

test('of many hosts with different configs that start together, one decides', async () => {
  const hosts = await Promise.all(Array.from({ length: 8 }, (_, n) => start(`config ${n}`)));
  for (let checks = 0; checks < 5; checks++) await Promise.all(hosts.map((host) => host.check()));
  expect(hosts.filter((host) => !host.waits)).toHaveLength(1);
});

test('a config that an operator applies counts, whether or not a host runs with it', async () => {
  const a = await start('old');
  await applyConfig(records, 'new', 'ann@desk');
  for (let checks = 0; checks < 5; checks++) await a.check();
  expect(a.newer).toMatchObject({ generation: 2, host: 'ann@desk' });
  await applyConfig(records, 'old', 'ann@desk');
  await a.check();
  expect(a.waits).toBe(false);
});

test('the config of the running hosts counts without them once an operator has applied it', async () => {
  const a = await start('old');
  (await start('new')).stop();
  await applyConfig(records, 'new', 'ann@desk');
  await applyConfig(records, 'new', 'ann@desk');
  expect(JSON.parse((await records.get('generation'))!.value!)).toMatchObject({ number: 3, applied: true });
  await a.check();
  time.advance(600_000);
  await a.check();
  expect(a.waits).toBe(true);
});

test('of operators who apply different configs at once, each claims a generation of its own', async () => {
  await start('old');
  await Promise.all(['a', 'b', 'c', 'd'].map((config) => applyConfig(records, config, 'ann@desk')));
  expect(JSON.parse((await records.get('generation'))!.value!)).toMatchObject({ number: 5 });
});

test('a read that fails changes nothing', async () => {
  const [a] = [await start('old'), await start('new')];
  await a.check();
  records.failNext = new Error('no answer');
  await a.check();
  expect(a.waits).toBe(true);
});

test('a host waits until it could read the newest generation for the first time', async () => {
  const options = { connection: bus.connection(), records, fingerprint: 'own', host: 'own', log, time };
  records.failNext = new Error('no leader');
  const generation = await ConfigGeneration.open(options, true);
  records.failNext = new Error('no leader');
  await generation.claim();
  expect([generation.waits, generation.newer]).toEqual([true, undefined]);
  await generation.check();
  expect(generation.waits).toBe(false);
  records.failNext = new Error('no leader');
  await generation.check();
  expect(generation.waits).toBe(false);
});

test.each(['', 'null', '{', '{"fingerprint":1}'])('a record that no host has written is replaced: %j', async (text) => {
  await records.put('generation', text);
  expect((await start('own')).waits).toBe(false);
  expect(JSON.parse((await records.get('generation'))!.value!)).toMatchObject({ number: 1, fingerprint: 'own' });
});

test('a host that changes nothing claims no generation, and names the newer config', async () => {
  const reading = await start('new', 'reads', false);
  await reading.check();
  expect([await records.get('generation'), reading.waits]).toEqual([undefined, false]);
  await applyConfig(records, 'new', 'ann@desk');
  await applyConfig(records, 'newer', 'ann@desk');
  await reading.check();
  expect(reading.newer).toEqual({ generation: 2, host: 'ann@desk', since: expect.any(String) as string });
  expect(JSON.parse((await records.get('generation'))!.value!)).toMatchObject({ number: 2, fingerprint: 'newer' });
});

test('a plan names the config that a host would wait for, and claims nothing', async () => {
  const plan = (fingerprint: string) => newerConfigFor(bus.connection(), records, fingerprint);
  expect(await plan('old')).toBeUndefined();
  await start('old');
  const host = await start('new');
  const newer = { generation: 2, host: 'new', since: '2026-05-12T12:00:00.000Z' };
  expect([await plan('old'), await plan('new'), await plan('other')]).toEqual([newer, undefined, undefined]);
  host.stop();
  expect(await plan('old')).toBeUndefined();
  await applyConfig(records, 'new', 'ann@desk');
  expect(await plan('old')).toMatchObject({ generation: 3, host: 'ann@desk' });
  expect(records.calls.put).toBe(3);
});

test('the fingerprint depends on the settings on the server only', () => {
  const load = (flags: object, env = {}) => loadConfig({ cwd: '/', env, flags }).config;
  const config = load({});
  const own = fingerprintOf(config);
  expect(fingerprintOf(load({ http: '127.0.0.1:1' }, { JETPLUG_LOG_LEVEL: 'debug' }))).toBe(own);
  const others = [
    { ...config, delivery: { ...config.delivery, ackWaitMs: 1 } },
    { ...config, deploy: { ...config.deploy, name: 'other' } },
    { ...config, store: { ...config.store, maxBytes: 1 } },
    { ...config, deadLetters: { ...config.deadLetters, maxAgeMs: 1 } },
  ].map(fingerprintOf);
  expect(new Set([own, ...others]).size).toBe(5);
});
