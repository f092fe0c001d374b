import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from 'nats';
import { connectEventBus } from '../../host/client';
import type { Broker } from '../../host/nats-server/open-broker';
import { probe } from '../../host/nats-server/probe';
import { takeOver } from '../../host/nats-server/take-over';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { natsServerBinary } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const COUNTS = pluginSource(
  'CountsPlugin',
  `  @Subscribe('video.counted', { from: 'beginning' })
  count(event: any, context: EventContext) { context.log.info('counted', { n: event.n }); }`,
);
/** Longer than a host waits before it takes over a broker of its own data. */
const GONE_MS = 3_000;

const scene = new Scene();
afterEach(() => scene.end());

const ready = async (host: TestHost): Promise<number> => (await fetch(`${host.url}/readyz`)).status;
const counted = (host: TestHost): number[] => host.logged('counted').map(({ n }) => n as number);

test('a server that was found on the default port is waited for, and never replaced', async () => {
  const server = await scene.server();
  const data = join(scene.folder(), 'data');
  const host = await scene.host({
    plugins: [scene.folder({ 'counts.plugin.ts': COUNTS })],
    brokerByConfig: true,
    config: { nats: { embedded: { port: server.port, data } } },
  });
  expect(host.ready.broker).toMatchObject({ kind: 'joined', url: server.url });
  const events = await connectEventBus({ servers: server.url });
  try {
    await events.publish('video.counted', { n: 1 });
    await eventually(() => counted(host).length === 1);

    await server.kill();
    await eventually(async () => (await ready(host)) === 503);
    const publishing = events.publish('video.counted', { n: 2 });
    await sleep(GONE_MS);
    expect(await ready(host)).toBe(503);
    expect((await probe('127.0.0.1', server.port)).kind).toBe('nothing');
    expect(existsSync(data)).toBe(false);

    await server.restart();
    await publishing;
    await eventually(async () => (await ready(host)) === 200);
    await eventually(() => counted(host).length === 2);
    expect(counted(host)).toEqual([1, 2]);
    expect(host.logged('stream lost with its messages; creating it again')).toEqual([]);
    expect(existsSync(data)).toBe(false);
  } finally {
    await events.close();
  }
});

test('the broker of another host on the same data is run again when that host ends, with all its data', async () => {
  const data = join(scene.folder(), 'data');
  const plugins = [scene.folder({ 'counts.plugin.ts': COUNTS })];
  const flags = ['--data', data];
  const first = await scene.host({ plugins, flags });
  const second = await scene.host({ plugins, flags });
  expect([first.ready.broker.kind, second.ready.broker.kind]).toEqual(['embedded', 'joined']);
  expect(second.servers).toBe(first.servers);
  const events = await connectEventBus({ servers: first.servers });
  try {
    await events.publish('video.counted', { n: 1 });
    await eventually(() => counted(first).length + counted(second).length === 1);
    await first.stop();
    const publishing = events.publish('video.counted', { n: 2 });
    await publishing;
    await eventually(() => counted(second).includes(2));
    await eventually(async () => (await ready(second)) === 200);
    expect(second.logged('stream lost with its messages; creating it again')).toEqual([]);
    expect(JSON.parse(readFileSync(join(data, 'nats-server.conf'), 'utf8'))).toMatchObject({
      listen: `127.0.0.1:${new URL(first.servers).port}`,
    });
  } finally {
    await events.close();
  }
});

test('a foreign server on the port of an own broker that has ended gets nothing, and the host reconnects when it leaves', async () => {
  const data = join(scene.folder(), 'data');
  const plugins = [scene.folder({ 'counts.plugin.ts': COUNTS })];
  const flags = ['--data', data];
  const first = await scene.host({ plugins, flags });
  const second = await scene.host({ plugins, flags });
  const port = Number(new URL(first.servers).port);
  await first.stop();
  const foreign = await scene.server({ listen: `127.0.0.1:${port}` });
  const client = await scene.client(foreign.url);
  await eventually(() => second.logged('reconnecting').length === 1);
  await eventually(async () => (await connectionsOf(client)) > 3);
  expect(second.logged('reconnecting')).toEqual([
    expect.objectContaining({
      code: 'JP_BROKER_UNREACHABLE',
      error: expect.stringContaining(`another NATS server answers on 127.0.0.1:${port}`),
    }),
  ]);
  expect(second.logged('reconnected to the NATS server')).toEqual([]);
  expect(await ready(second)).toBe(503);
  const manager = await client.jetstreamManager();
  expect(await manager.streams.list().next()).toEqual([]);

  await foreign.kill();
  await eventually(async () => (await ready(second)) === 200);
  const events = await connectEventBus({ servers: second.servers });
  try {
    await events.publish('video.counted', { n: 1 });
    await eventually(() => counted(second).includes(1));
    expect(second.logged('stream lost with its messages; creating it again')).toEqual([]);
  } finally {
    await events.close();
  }
});

/** The number of connections that the server has had, including the asking one. Its client numbers ascend. */
async function connectionsOf(client: NatsConnection): Promise<number> {
  const probing = await connect({ servers: client.getServer() });
  const id = probing.info?.client_id ?? 0;
  await probing.close();
  return id - (client.info?.client_id ?? 0);
}

describe('taking over', () => {
  const lost = (url: string, onOwnData: boolean): Broker => ({
    url,
    kind: 'joined',
    onOwnData,
    version: '2.15.2',
    isServer: () => true,
    stop: async () => undefined,
  });

  test('does not join a foreign server that has taken the port meanwhile', async () => {
    const foreign = await scene.server();
    const data = join(scene.folder(), 'data');
    const failures: unknown[] = [];
    const broker = await takeOver({
      lost: lost(foreign.url, true),
      embedded: { binary: await natsServerBinary(), port: 4222, data, syncInterval: 'always', own: false },
      say: () => undefined,
      needed: () => failures.length === 0,
      failed: (error) => failures.push(error),
      pause: async () => undefined,
    });
    expect(broker).toBeUndefined();
    expect(failures).toEqual([
      expect.objectContaining({
        code: 'JP_BROKER_START_FAILED',
        message: expect.stringContaining(`port ${foreign.port} is taken`),
      }),
    ]);
  });

  test('is refused for a server that does not run on the host’s own data', async () => {
    const data = join(scene.folder(), 'data');
    const taking = takeOver({
      lost: lost('nats://127.0.0.1:1', false),
      embedded: { binary: '', port: 4222, data, syncInterval: 'always', own: false },
      say: () => undefined,
      needed: () => true,
      failed: () => undefined,
      pause: async () => undefined,
    });
    await expect(taking).rejects.toThrow('does not run on the data folder of this host');
    expect(existsSync(data)).toBe(false);
  });
});
