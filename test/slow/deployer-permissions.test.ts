/** `jetplug plan`, `apply` and `adopt` with exactly the permissions that are printed for a deployer. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AckPolicy, type JetStreamManager, type NatsConnection } from 'nats';
import type { PlannedChange } from '../../host/plan/change';
import { jetplug, type CliResult } from '../support/cli';
import { envOf, grantedServer, refusalsOf } from '../support/granted-server';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const EVENTS = { name: 'EVENTS', subjects: ['video.>', 'badge.>'] };
const SHOP = { name: 'SHOP', subjects: ['shop.>'] };
const CONFIG = { streams: [EVENTS, SHOP], nats: { inboxPrefix: '_INBOX.jetplug' } };
const PLUGINS = {
  'plugins/seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen', `{ from: 'beginning' }`),
  'plugins/counts.plugin.ts': pluginSource(
    'CountsPlugin',
    `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('shop.sold')
  async count(event: any) { await this.counts.update(event.of, (n = 0) => n + 1); }`,
  ),
};
const GONE = pluginSource('GonePlugin', `  @Subscribe('video.>') handle() {}`);
const MARK = { 'jetplug.deployment': 'jetplug' };

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let folder: string;
let refusals: () => string[];

beforeAll(async () => {
  folder = scene.folder({ ...PLUGINS, 'config.json': JSON.stringify(CONFIG) });
  server = await grantedServer(scene, CONFIG, join(folder, 'plugins'));
  refusals = refusalsOf(server);
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
});
afterAll(() => scene.end());

function write(...streams: object[]): void {
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...CONFIG, streams }));
}

function run(env: NodeJS.ProcessEnv, words: readonly string[]): Promise<CliResult> {
  return jetplug([...words, '--json', '--servers', server.url, '--config', 'config.json'], { cwd: folder, env });
}

/** Runs a command as the deployer. */
const deployer = (...words: string[]): Promise<CliResult> => run(envOf('deployer'), words);

/** Applies the config as the deployer, and returns the changes that were made. */
async function apply(...flags: string[]): Promise<string[]> {
  const result = await deployer('apply', '--yes', ...flags);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const { done } = result.json<{ done: readonly PlannedChange[] }>();
  return done.map(({ change, kind, name }) => `${change} ${kind} ${name}`);
}

/** Publishes an event as somebody who may do everything. */
async function publish(subject: string): Promise<void> {
  await nats.jetstream().publish(subject, JSON.stringify({ user_id: 'u1', video_id: 'v1', of: 'x' }));
}

describe('a deploy has enough permissions', () => {
  afterEach(async () => {
    expect((await deployer('plan')).json()).toEqual([]);
    expect(refusals()).toEqual([]);
  });

  test('apply creates everything, and records it', async () => {
    expect((await deployer('plan')).code).toBe(2);
    expect(await apply()).toEqual([
      'create stream EVENTS',
      'create stream SHOP',
      'create stream DEAD',
      'create stream RETRY',
      'create bucket jetplug',
      'create stream RUNS',
      'create bucket jetplug-counts',
      'create stream LOG_jetplug-counts',
      'create durable counts-count',
      'create durable seen-handle',
    ]);
    expect((await deployer('audit')).json()).toMatchObject([{ action: 'apply', outcome: 'done' }]);
  });

  test('apply updates a stream in place, and one that drops a subject with its stored events', async () => {
    await publish('badge.won');
    write({ ...EVENTS, maxAge: '1h' }, SHOP);
    expect(await apply()).toEqual(['update stream EVENTS']);
    write({ ...EVENTS, subjects: ['video.>'], maxAge: '1h' }, SHOP);
    const [{ impact }] = (await deployer('plan')).json<[PlannedChange]>();
    expect(impact).toBe('1 stored event would reach no handler any more, and later ones would not be stored');
    expect(await apply('--allow-data-loss')).toEqual(['update stream EVENTS']);
  });

  test('apply creates a stream with its durables, and a durable, again', async () => {
    await publish('shop.sold');
    const { config } = await jsm.consumers.info('EVENTS', 'seen-handle');
    await jsm.consumers.delete('EVENTS', 'seen-handle');
    await jsm.consumers.add('EVENTS', { ...config, ack_policy: AckPolicy.Explicit, max_waiting: 10 });
    write({ ...EVENTS, subjects: ['video.>'], maxAge: '1h' }, { ...SHOP, storage: 'memory' });
    expect(await apply('--allow-data-loss')).toEqual([
      'recreate stream SHOP',
      'recreate durable counts-count',
      'recreate durable seen-handle',
    ]);
  });

  test('apply --prune deletes the durable of a plugin that the permissions do not know', async () => {
    const gone = join(folder, 'plugins/gone.plugin.ts');
    writeFileSync(gone, GONE);
    expect((await run({}, ['apply', '--yes'])).code).toBe(0);
    rmSync(gone);
    expect(await apply('--prune')).toEqual(['orphan durable gone-handle']);
  });

  test('adopt marks a stream, and a durable with another filter, as the deployment’s', async () => {
    const { config } = await jsm.streams.info('DEAD');
    await jsm.streams.update('DEAD', { ...config, metadata: {} });
    await jsm.consumers.delete('EVENTS', 'seen-handle');
    const filter = { filter_subject: 'video.watch_started.older', ack_policy: AckPolicy.Explicit };
    await jsm.consumers.add('EVENTS', { durable_name: 'seen-handle', ...filter });
    expect(await deployer('adopt', 'stream', 'DEAD', '--yes')).toMatchObject({ code: 0, stderr: '' });
    expect(await deployer('adopt', 'durable', 'seen-handle', '--yes')).toMatchObject({ code: 0, stderr: '' });
    expect(await apply()).toEqual(['update durable seen-handle']);
  });

  test('apply --prune deletes the bucket and the log of a plugin with the permissions from before its removal', async () => {
    rmSync(join(folder, 'plugins/counts.plugin.ts'));
    expect(await apply('--prune', '--allow-data-loss')).toEqual([
      'orphan durable counts-count',
      'orphan bucket jetplug-counts',
      'orphan stream LOG_jetplug-counts',
    ]);
  });
});

test('a stream that the permissions do not know is not pruned, and the error names the missing permission', async () => {
  await jsm.streams.add({ name: 'EARLIER', subjects: ['earlier.>'], metadata: MARK });
  const refused = await deployer('apply', '--prune', '--yes');
  expect(refused.code).toBe(1);
  expect(refused.errors()).toEqual([
    expect.objectContaining({
      code: 'JP_BROKER_PERMISSION',
      message: expect.stringContaining('$JS.API.STREAM.INFO.EARLIER'),
    }),
  ]);
  expect((await jsm.streams.info('EARLIER')).config.name).toBe('EARLIER');
  expect(refusals()).toEqual([expect.stringContaining('$JS.API.STREAM.INFO.EARLIER')]);
});
