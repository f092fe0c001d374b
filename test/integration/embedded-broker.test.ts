import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { connect } from 'nats';
import type { EmbeddedConfig } from '../../host/config/config';
import { findHolder, runningBrokerUrl, tryLock, type LockRecord } from '../../host/nats-server/data-lock';
import { openBroker, type Broker } from '../../host/nats-server/open-broker';
import { endProcesses, haveEnded, isAlive, type ProcessIdentity } from '../../host/nats-server/process-identity';
import type { JetplugError } from '../../sdk/internal';
import { natsServerBinary, startTestServer } from '../support/nats-server';

let folder: string;
let data: string;
let binary: string;
let said: string[];
let opened: Broker[];
let hosts: Host[];
/** The processes that were seen on the data folder. Each must end before its test does. */
let seen: ProcessIdentity[];

beforeAll(async () => {
  binary = await natsServerBinary();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-broker-'));
  data = join(folder, '.jetplug');
  [said, opened, hosts, seen] = [[], [], [], []];
});

afterEach(async () => {
  for (const broker of opened) await broker.stop();
  for (const host of hosts) await host.kill();
  const left = seen.filter(isAlive);
  await endProcesses(left, 5_000);
  rmSync(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

describe('an embedded broker', () => {
  test('runs JetStream on loopback, and keeps its data over a stop and a start', async () => {
    const first = await open();
    expect(first).toMatchObject({ kind: 'embedded', url: expect.stringMatching(/^nats:\/\/127\.0\.0\.1:\d+$/) });
    expect(runningBrokerUrl(data)).toBe(first.url);
    await store(first.url, 'one');
    const { broker, watchdog } = record();
    await first.stop();
    expect([broker, watchdog].filter((one) => one !== undefined && isAlive(one))).toEqual([]);
    expect(findHolder(data)).toBeUndefined();
    expect(readdirSync(data).sort()).toEqual(['jetstream', 'nats-server.conf', 'nats-server.log']);

    const second = await open();
    await store(second.url, 'two');
    expect(await stored(second.url)).toEqual(['one', 'two']);
  });

  test('has a config that only its user can read, and always syncs', async () => {
    await open();
    const config = join(data, 'nats-server.conf');
    expect(statSync(config).mode & 0o777).toBe(0o600);
    const { jetstream } = JSON.parse(readFileSync(config, 'utf8')) as { jetstream: object };
    expect(jetstream).toMatchObject({ sync_interval: 'always' });
  });

  test('works in a folder with any characters in its name', async () => {
    data = join(folder, 'ein "Ordner", $HOME #1 \\ größer');
    const broker = await open();
    await store(broker.url, 'one');
    expect(await stored(broker.url)).toEqual(['one']);
  });

  test.each([
    ['nats-server', (record: LockRecord) => record.broker],
    ['its watchdog', (record: LockRecord) => record.watchdog],
  ])('is restarted, on its port and with its data, when %s is killed', async (_, victimOf) => {
    const broker = await open();
    await store(broker.url, 'one');
    const before = record();
    process.kill(victimOf(before)?.pid ?? 0, 'SIGKILL');
    await until(() => record().url !== undefined && record().broker?.pid !== before.broker?.pid);
    expect(record().url).toBe(broker.url);
    expect(await stored(broker.url)).toEqual(['one']);
    expect(said.join('\n')).toContain('ended by itself');
    await haveEnded(
      [before.broker, before.watchdog].filter((one) => one !== undefined),
      5_000,
    );
  });
});

describe('a host that is killed', () => {
  test('leaves no nats-server behind, and the data are intact at the next start', async () => {
    const host = await startHost();
    await store(host.broker.url, 'one');
    const { broker, watchdog } = record();
    await host.kill();
    expect(
      await haveEnded(
        [broker, watchdog].filter((one) => one !== undefined),
        5_000,
      ),
    ).toBe(true);
    expect(runningBrokerUrl(data)).toBeUndefined();
    const next = await open();
    expect(await stored(next.url)).toEqual(['one']);
  });

  test('at any moment of its start does not harm the next start', async () => {
    await store((await open()).url, 'one');
    await opened.pop()?.stop();
    for (const ms of fc.sample(fc.integer({ min: 100, max: 700 }), 4)) {
      const child = spawnHost({});
      await new Promise((resolve) => setTimeout(resolve, ms));
      await kill(child);
      const next = await open();
      expect(await stored(next.url)).toEqual(['one']);
      record();
      await opened.pop()?.stop();
    }
  });

  test('together with its watchdog leaves a broker, which the next start ends before it starts another', async () => {
    const host = await startHost();
    await store(host.broker.url, 'one');
    const { broker, watchdog } = record();
    process.kill(watchdog?.pid ?? 0, 'SIGSTOP'); // The watchdog can neither restart nor end a process now.
    await host.kill();
    process.kill(watchdog?.pid ?? 0, 'SIGKILL');
    await until(() => watchdog === undefined || !isAlive(watchdog));
    expect(broker !== undefined && isAlive(broker)).toBe(true);
    expect(findHolder(data)?.state).toBe('orphaned');
    expect(runningBrokerUrl(data)).toBeUndefined();

    const next = await open();
    expect(broker !== undefined && isAlive(broker)).toBe(false);
    expect(said.join('\n')).toContain(`ending the nats-server (pid ${broker?.pid})`);
    expect(await stored(next.url)).toEqual(['one']);
  });
});

describe('two hosts', () => {
  test('that start at once on one data folder use one broker', async () => {
    const port = await freePort();
    const brokers = await Promise.all([1, 2, 3].map(() => open({ port })));
    expect(brokers.map(({ kind }) => kind).sort()).toEqual(['embedded', 'joined', 'joined']);
    expect(new Set(brokers.map(({ url }) => url))).toEqual(new Set([`nats://127.0.0.1:${port}`]));
    expect(said.join('\n')).toContain('joined the broker of the host that holds');
  });

  test('that start at once as processes, without flags, use one broker', async () => {
    const port = await freePort();
    const started = await Promise.all([1, 2].map(() => startHost({ port, own: false })));
    expect(started.map(({ broker }) => broker.kind).sort()).toEqual(['embedded', 'joined']);
  });

  test('of two data folders that start at once on the default port use one broker', async () => {
    const port = await freePort();
    const folders = ['one', 'two'].map((name) => join(folder, name));
    const brokers = await Promise.all(folders.map((own) => open({ port, own: false, data: own })));
    expect(brokers.map(({ kind }) => kind).sort()).toEqual(['embedded', 'joined']);
    await Promise.all(brokers.map((broker) => broker.stop()));
    expect(folders.map(findHolder)).toEqual([undefined, undefined]);
  });

  test('of which the second starts while the first stops: the second runs its own broker', async () => {
    const first = await open();
    const [, second] = await Promise.all([first.stop(), open()]);
    expect(second.kind).toBe('embedded');
    await store(second.url, 'one');
  });
});

describe('a data folder of another host', () => {
  test.each([
    ['does not bring up its broker', {}, 'has not brought up its broker'],
    ['has a broker that does not answer', { url: 'nats://127.0.0.1:1', name: 'n' }, 'does not answer'],
  ])('is locked, when that host %s', async (_, known, reason) => {
    const lock = tryLock(data);
    lock?.note(known);
    const patience = { answerMs: 100, startingMs: 100, orphanMs: 0 };
    const opening = openBroker({ servers: [], embedded: embedded(), say: (line) => said.push(line) }, patience);
    await expect(opening).rejects.toMatchObject({
      code: 'JP_BROKER_DATA_LOCKED',
      message: expect.stringMatching(`the host with pid ${process.pid} holds ${data}.*${reason}`),
    });
    expect(said).toEqual([`another host (pid ${process.pid}) holds ${data}; waiting for its broker`]);
    lock?.release();
  });
});

describe('a server on the default port', () => {
  test('is joined, when it is NATS with JetStream', async () => {
    const server = await startTestServer();
    try {
      const broker = await open({ port: server.port, own: false });
      expect(broker).toMatchObject({ kind: 'joined', onOwnData: false, url: server.url, version: server.version });
      expect(said).toEqual([`joined the NATS server ${server.version} that answers on 127.0.0.1:${server.port}`]);
      await broker.stop();
      expect(await stored(server.url)).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  test('is not joined, and the data are not touched, when it is too old, has no JetStream or is not NATS', async () => {
    for (const [greeting, code] of [
      ['INFO {"version":"2.11.9","jetstream":true}\r\n', 'JP_BROKER_TOO_OLD'],
      ['INFO {"version":"2.9.10","jetstream":true}\r\n', 'JP_BROKER_TOO_OLD'],
      ['INFO {"version":"2.15.2"}\r\n', 'JP_BROKER_NO_JETSTREAM'],
      ['220 mail ready\r\n', 'JP_BROKER_NOT_NATS'],
    ] as const) {
      const server = await listen(greeting);
      await expect(open({ port: portOf(server), own: false })).rejects.toMatchObject({ code });
      server.close();
      await once(server, 'close');
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('prevents an own broker on that port', async () => {
    const server = await listen('220 mail ready\r\n');
    await expect(open({ port: portOf(server) })).rejects.toMatchObject({
      code: 'JP_BROKER_START_FAILED',
      message: expect.stringContaining(`port ${portOf(server)} is taken`),
      hint: expect.stringContaining('--nats-port'),
    });
    expect(findHolder(data)).toBeUndefined();
    server.close();
    await once(server, 'close');
  });

  test('prevents an own broker too, when it is the broker of another data folder', async () => {
    const first = await open();
    const port = Number(new URL(first.url).port);
    await expect(open({ port, data: join(folder, 'other') })).rejects.toThrow(`port ${port} is taken`);
  });
});

describe('an embedded broker that cannot start', () => {
  test('names an invalid data folder', async () => {
    writeFileSync(data, 'a file');
    await expect(open()).rejects.toMatchObject({
      code: 'JP_BROKER_START_FAILED',
      message: expect.stringContaining(`the data folder ${data} cannot be used`),
      hint: expect.stringContaining('--data'),
    });
  });

  test('shows the last output of the server, and unlocks the data folder', async () => {
    mkdirSync(data);
    writeFileSync(join(data, 'jetstream'), 'a file where the store belongs');
    await expect(open()).rejects.toMatchObject({
      code: 'JP_BROKER_START_FAILED',
      message: expect.stringMatching(/did not start .*: exit code 1\n(.*\n)*.*JetStream/),
    });
    expect(findHolder(data)).toBeUndefined();
  });

  test('refuses a sync interval that the server does not accept', async () => {
    await expect(open({ syncInterval: 'sometimes' })).rejects.toMatchObject({
      code: 'JP_BROKER_START_FAILED',
      message: expect.stringContaining('sync_interval'),
    });
  });

  test('names a configured binary that is not nats-server, and unlocks the data folder', async () => {
    await expect(open({ binary: '/nowhere/nats-server' })).rejects.toMatchObject({ code: 'JP_BROKER_NOT_FOUND' });
    expect(findHolder(data)).toBeUndefined();
  });
});

test('configured servers are joined without changing them', async () => {
  const servers = ['nats://one:4222', 'nats://two:4222'];
  const broker = await openBroker({ servers, embedded: embedded(), say: (line) => said.push(line) });
  expect(broker).toMatchObject({ kind: 'joined', onOwnData: false, url: 'nats://one:4222,nats://two:4222' });
  await broker.stop();
  expect(readdirSync(folder)).toEqual([]);
});

async function open(changes: Partial<EmbeddedConfig> = {}): Promise<Broker> {
  const broker = await openBroker({ servers: [], embedded: embedded(changes), say: (line) => said.push(line) });
  opened.push(broker);
  return broker;
}

interface Host {
  readonly broker: Broker;
  kill(): Promise<void>;
}

/** Starts a host as a process that a test can kill. */
async function startHost(changes: Partial<EmbeddedConfig> = {}): Promise<Host> {
  const child = spawnHost(changes);
  const broker = await brokerOf(child);
  const host = { broker, kill: () => kill(child) };
  hosts.push(host);
  return host;
}

function spawnHost(changes: Partial<EmbeddedConfig>): ChildProcess {
  const program = join(__dirname, '../support/broker-host.cjs');
  return spawn(process.execPath, [program, JSON.stringify(embedded(changes))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function brokerOf(child: ChildProcess): Promise<Broker> {
  if (child.stdout === null) throw new Error('it has no output');
  for await (const line of createInterface(child.stdout)) {
    const printed = JSON.parse(line) as { broker?: Broker; error?: JetplugError };
    if (printed.error !== undefined) throw new Error(printed.error.message);
    if (printed.broker !== undefined) return printed.broker;
  }
  throw new Error('the host ended before it had a broker');
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function embedded(changes: Partial<EmbeddedConfig> = {}): EmbeddedConfig {
  return { binary, port: 0, data, syncInterval: 'always', own: true, ...changes };
}

function record(): LockRecord {
  const holder = findHolder(data);
  if (holder === undefined) throw new Error('nobody holds the data');
  const { watchdog, broker } = holder.record;
  seen.push(...[watchdog, broker].filter((one) => one !== undefined));
  return holder.record;
}

async function store(url: string, text: string): Promise<void> {
  const nats = await connect({ servers: url });
  const manager = await nats.jetstreamManager();
  await manager.streams.add({ name: 'TEST', subjects: ['test.>'], max_bytes: 10 * 1024 ** 3 });
  await nats.jetstream().publish('test.text', text);
  await nats.close();
}

async function stored(url: string): Promise<string[]> {
  const nats = await connect({ servers: url });
  const manager = await nats.jetstreamManager();
  const texts: string[] = [];
  for (const { config, state } of await manager.streams.list().next()) {
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
      texts.push((await manager.streams.getMessage(config.name, { seq })).string());
    }
  }
  await nats.close();
  return texts;
}

async function until(condition: () => boolean): Promise<void> {
  for (const began = Date.now(); !condition(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() - began > 15_000) throw new Error('it does not come about');
  }
}

async function freePort(): Promise<number> {
  const server = await listen('');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

async function listen(greeting: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).end(greeting));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
