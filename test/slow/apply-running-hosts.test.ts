import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { AckPolicy, StorageType, type JetStreamManager, type NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import type { Connection } from '../../host/nats/connection';
import { applyConfig, fingerprintOf } from '../../host/nats/generation-record';
import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { applySteps, planOf } from '../support/plan';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';
import { deleteStreams, openStreams } from '../support/streams';

const EVENTS = { name: 'EVENTS', subjects: ['video.>'] };
const IN_MEMORY = { streams: [{ ...EVENTS, storage: 'memory' }] };
const ON_DISK = { streams: [EVENTS] };
const LOST = 'stream lost with its messages; creating it again';
const DELETED = 'stream deleted by `jetplug apply`, which creates it again';
const SEEN = loggingPlugin('SeenPlugin', 'seen', `{ from: 'beginning' }`);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;
let folder: string;

beforeAll(async () => {
  ({ server, nats, jsm, connection } = await openStreams(scene));
});
beforeEach(() => {
  folder = scene.folder({ 'plugins/seen.plugin.ts': SEEN });
});
afterEach(() => deleteStreams(jsm));
afterAll(() => scene.end());

const start = (config: object): Promise<TestHost> => scene.host({ server, plugins: [join(folder, 'plugins')], config });

function apply(config: object, ...flags: string[]): Promise<CliResult> {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const args = ['apply', '--yes', ...flags, '--servers', server.url, '--config', 'config.json'];
  return jetplug(args, { cwd: folder });
}

async function publish(video_id: string): Promise<void> {
  await nats.jetstream().publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id }));
}

/** Publishes without a pause, also while there is no stream, until it is ended. */
function load(): { end(): Promise<void> } {
  let isOver = false;
  const isEnded = (): boolean => isOver;
  const running = (async () => {
    for (let n = 0; !isEnded(); n++) await publish(`load ${n}`).catch(() => sleep(1));
  })();
  return { end: () => ((isOver = true), running) };
}

const storage = async (): Promise<StorageType> => (await jsm.streams.info('EVENTS')).config.storage;

test('a stream that apply creates again under a loaded host keeps the new settings, and is no loss', async () => {
  const host = await start(ON_DISK);
  for (const [round, [config, wanted]] of [
    [IN_MEMORY, StorageType.Memory] as const,
    [ON_DISK, StorageType.File] as const,
    [IN_MEMORY, StorageType.Memory] as const,
    [ON_DISK, StorageType.File] as const,
  ].entries()) {
    const publishing = load();
    const applied = await apply(config, '--allow-data-loss');
    expect([applied.code, applied.stderr]).toEqual([0, '']);
    await eventually(() => host.logged(DELETED).length === round + 1, 20_000);
    await publishing.end();
    await publish(`after ${round}`);
    await eventually(() => host.logged('seen').some(({ video }) => video === `after ${round}`), 20_000);
    // For so long a host could still put back its own settings.
    await sleep(6_000);
    expect(await storage()).toBe(wanted);
  }
  expect(host.logged(DELETED).every(({ level, stream }) => level === 'info' && stream === 'EVENTS')).toBe(true);
  expect(host.logged(LOST)).toEqual([]);
  expect(await host.stop()).toBe(0);
});

test('a host with an earlier config creates nothing while apply is slow to create the stream again', async () => {
  const host = await start(ON_DISK);
  for (const video of ['v1', 'v2']) await publish(video);
  await eventually(() => host.logged('seen').length === 2);
  const config = configOf(scene, IN_MEMORY);
  await applyConfig(Bucket.at(connection, 'jetplug'), fingerprintOf(config), 'ann@desk');
  const deployed = { config, plugins: { seen: { handle: { subject: 'video.watch_started' } } } };
  const steps = await planOf(connection, deployed);
  await applySteps(slowToDelete(host), steps, { allowDataLoss: true });
  expect(await storage()).toBe(StorageType.Memory);
  expect(host.logged(LOST)).toEqual([]);
  await publish('v3');
  await eventually(() => host.logged('seen').length === 3);
  expect(await planOf(connection, deployed)).toEqual([]);
  expect(await host.stop()).toBe(0);
});

/** A connection that answers the deletion of a stream late: the host has noticed it, and has tried to restore it. */
function slowToDelete(host: TestHost): Connection {
  const { requests } = connection;
  const askApi: typeof requests.askApi = async (subject, ...rest) => {
    const answer = await requests.askApi(subject, ...rest);
    if (!subject.startsWith('STREAM.DELETE.')) return answer as never;
    await eventually(() => host.logged(DELETED).length === 1, 20_000);
    await sleep(3_000);
    expect(await jsm.streams.names().next()).not.toContain('EVENTS');
    return answer as never;
  };
  const late = Object.create(requests, { askApi: { value: askApi } }) as typeof requests;
  return Object.create(connection, { requests: { value: late } }) as Connection;
}

test('a host does not restore a stream that apply has pruned', async () => {
  const two = { streams: [EVENTS, { name: 'OLD', subjects: ['old.>'] }] };
  const host = await start(two);
  const applied = await apply(ON_DISK, '--prune');
  expect([applied.code, applied.stderr]).toEqual([0, '']);
  const pruned = 'stream deleted by `jetplug apply`, because its config does not name it';
  await eventually(() => host.logged(pruned).length === 1, 20_000);
  await sleep(12_000);
  expect(await jsm.streams.names().next()).not.toContain('OLD');
  expect(host.logged(LOST)).toEqual([]);
  expect(await host.stop()).toBe(0);
});

test('a plugin that could not start because of its durable runs after an apply, without a restart', async () => {
  expect((await apply(ON_DISK)).code).toBe(0);
  for (const video of ['v1', 'v2']) await publish(video);
  const { config } = await jsm.consumers.info('EVENTS', 'seen-handle');
  await jsm.consumers.delete('EVENTS', 'seen-handle');
  await jsm.consumers.add('EVENTS', { ...config, ack_policy: AckPolicy.Explicit, max_waiting: 10 });
  const host = await start(ON_DISK);
  expect(host.ready.plugins).toMatchObject([{ state: 'failed', error: { code: 'JP_CONSUMER_NOT_UPDATABLE' } }]);
  // The host looks every 5 s.
  await sleep(11_000);
  expect((await apply(ON_DISK)).code).toBe(0);
  await eventually(() => host.logged('seen').length === 2, 10_000);
  expect(host.logged('a plugin fails')).toHaveLength(1);
  expect(host.logged('a plugin is loaded')).toMatchObject([{ plugin: 'seen' }]);
  expect(await host.stop()).toBe(0);
});

test('a host that creates nothing starts a plugin when an apply has created its durable', async () => {
  const bindOnly = { ...ON_DISK, deploy: { bindOnly: true } };
  expect((await apply(bindOnly)).code).toBe(0);
  const host = await start(bindOnly);
  writeFileSync(join(folder, 'plugins/late.plugin.ts'), loggingPlugin('LatePlugin', 'late', `{ from: 'beginning' }`));
  const failures = () => host.logged('a plugin fails');
  await eventually(() => failures().length === 1);
  await sleep(11_000);
  expect(failures()).toMatchObject([{ plugin: 'late', code: 'JP_ASSET_MISSING' }]);
  await publish('v1');
  expect((await apply(bindOnly)).code).toBe(0);
  await eventually(() => host.logged('late').length === 1, 10_000);
  expect(await host.stop()).toBe(0);
});
