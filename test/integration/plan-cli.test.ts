import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AckPolicy, type JetStreamManager, type NatsConnection } from 'nats';
import type { PlannedChange } from '../../host/plan/change';
import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { deleteStreams, openStreams } from '../support/streams';
import { onTerminal } from '../support/terminal';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let folder: string;

const EVENTS = { name: 'EVENTS', subjects: ['video.>'] };
const SEEN = loggingPlugin('SeenPlugin', 'seen', `{ from: 'beginning' }`);
const COUNTS = pluginSource(
  'CountsPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe()
  async count(event: VideoWatchStarted) { await this.counts.update(event.video_id, (n = 0) => n + 1); }`,
);

beforeAll(async () => {
  ({ server, nats, jsm } = await openStreams(scene));
});
beforeEach(() => {
  folder = scene.folder({ 'plugins/seen.plugin.ts': SEEN, 'plugins/counts.plugin.ts': COUNTS });
  write({});
});
afterEach(() => deleteStreams(jsm));
afterAll(() => scene.end());

function write(config: object): void {
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ streams: [EVENTS], ...config }));
}

const args = (): string[] => ['--servers', server.url, '--config', 'config.json'];
const run = (...words: string[]): Promise<CliResult> => jetplug([...words, ...args()], { cwd: folder });
const planned = async (): Promise<[number | null, PlannedChange[]]> => {
  const { code, json } = await run('plan', '--json');
  return [code, json<PlannedChange[]>()];
};

test('a plan shows what a start creates; after the start, and after an event, it prints nothing', async () => {
  const [code, changes] = await planned();
  expect(code).toBe(2);
  expect(changes.every(({ change, atStart }) => change === 'create' && atStart)).toBe(true);
  expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'stream EVENTS',
    'stream DEAD',
    'stream RETRY',
    'bucket jetplug',
    'stream RUNS',
    'bucket jetplug-counts',
    'stream LOG_jetplug-counts',
    'durable counts-count',
    'durable seen-handle',
  ]);
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object;
  const host = await scene.host({ server, plugins: [join(folder, 'plugins')], config });
  const created = await jsm.streams.list().next();
  expect(created.map((info) => info.config.name).sort()).toEqual(
    changes
      .filter(({ kind }) => kind !== 'durable')
      .map(({ kind, name }) => (kind === 'bucket' ? `KV_${name}` : name))
      .sort(),
  );
  expect(await planned()).toEqual([0, []]);
  await nats.jetstream().publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: 'v1' }));
  await eventually(() => host.logged('seen').length === 1);
  expect(await host.stop()).toBe(0);
  const text = await run('plan');
  expect([text.code, text.stdout, text.stderr]).toEqual([0, '', '']);
});

test('apply makes the plan, records it, and a host that starts then changes nothing', async () => {
  const first = await run('apply', '--yes', '--json');
  expect([first.code, first.json<{ done: object[] }>().done.length]).toEqual([0, 9]);
  expect(await planned()).toEqual([0, []]);
  const again = await run('apply', '--yes', '--json');
  expect(again.json()).toEqual({ done: [], notDone: [], left: [] });
  const audit = (await run('audit', '--json')).json<
    { at: string; action: string; outcome: string; detail: { changes: string[] } }[]
  >();
  expect(audit).toHaveLength(2);
  expect(audit[0]).toMatchObject({ action: 'apply', target: 'jetplug', outcome: 'done' });
  expect(audit[0]!.detail.changes[0]).toBe('create stream EVENTS');
  expect(audit[1]).toEqual({ ...audit[0], at: audit[1]!.at, outcome: 'started' });
  const host = await scene.host({ server, plugins: [join(folder, 'plugins')], config: { streams: [EVENTS] } });
  expect(host.ready.streams.map(({ change }) => change)).toEqual(['unchanged', 'unchanged']);
  expect(await host.stop()).toBe(0);
});

test('a plan file is applied without a question, and refused after the server has changed', async () => {
  await run('apply', '--yes');
  write({ streams: [{ ...EVENTS, maxAge: '14d' }] });
  const made = await run('plan', '--out', 'plan.json');
  expect([made.code, made.stdout]).toEqual([
    2,
    '~ stream EVENTS\n    maxAge: 7d → 14d\n    no stored message is lost\n1 to update in place. A host that starts makes these changes too.\n',
  ]);
  const { config } = await jsm.streams.info('EVENTS');
  await jsm.streams.update('EVENTS', { ...config, max_age: 3 * 86_400 * 1e9 });
  const stale = await run('apply', 'plan.json', '--json');
  expect([stale.code, stale.stdout]).toEqual([1, '']);
  expect(stale.errors()).toEqual([
    expect.objectContaining({
      code: 'JP_PLAN_STALE',
      message: 'the plan is out of date: stream EVENTS has been changed on the server',
    }),
  ]);
  expect((await jsm.streams.info('EVENTS')).config.max_age).toBe(3 * 86_400 * 1e9);
  await run('plan', '--out', 'plan.json');
  const applied = await run('apply', 'plan.json');
  expect([applied.code, applied.stdout]).toEqual([0, '✔ ~ stream EVENTS\n1 change is made.\n']);
  expect(await planned()).toEqual([0, []]);
  writeFileSync(join(folder, 'plan.json'), '[]');
  expect((await run('apply', 'plan.json', '--json')).errors()[0]!.code).toBe('JP_PLAN_FILE_INVALID');
});

test('a plan with an earlier config than the applied one says who has applied that, and that a host waits', async () => {
  await run('apply', '--yes');
  write({ streams: [{ ...EVENTS, maxAge: '14d' }] });
  await run('apply', '--yes');
  write({});
  // The bucket of the records did not exist at the first apply, so this one claims the first generation of its config.
  await run('apply', '--yes');
  write({ streams: [{ ...EVENTS, maxAge: '14d' }] });
  const { stdout } = await run('plan');
  expect(stdout).toMatch(
    /A host that starts makes none of these changes\.\nThe deployment has a newer config \(generation 2, by \S+@\S+, since \S+Z\): a host that starts with this one waits, and leaves the settings as they are\. `jetplug apply` makes this config the newest\.\n$/,
  );
});

test('without a terminal and without --yes nothing is changed', async () => {
  const refused = await run('apply', '--json');
  expect([refused.code, refused.errors()[0]!.code]).toEqual([1, 'JP_PLAN_NOT_CONFIRMED']);
  expect(await jsm.streams.names().next()).toEqual([]);
});

test('apply asks on a terminal, and only a yes changes the server', async () => {
  for (const [answer, code, streams] of [
    ['n', 1, 0],
    ['y', 0, 8],
  ] as const) {
    const terminal = onTerminal(['apply', ...args()], folder);
    await eventually(() => existsSync(join(folder, 'screen')) && terminal.screen().includes('[y/N]'), 20_000);
    terminal.type(`${answer}\r`);
    expect(await terminal.ended).toBe(code);
    // The audit of the change has a stream too.
    expect(await jsm.streams.names().next()).toHaveLength(streams);
  }
});

test('a plugin that cannot be read is reported, hides no other change, and makes no orphan', async () => {
  await run('apply', '--yes');
  writeFileSync(join(folder, 'plugins/seen.plugin.ts'), 'export class {');
  write({ streams: [{ ...EVENTS, maxAge: '14d' }] });
  const plan = await run('plan', '--json', '--out', 'plan.json');
  expect(plan.code).toBe(1);
  expect(plan.json<PlannedChange[]>().map(({ change, name }) => `${change} ${name}`)).toEqual(['update EVENTS']);
  expect(plan.errors()[0]).toMatchObject({ file: join(folder, 'plugins/seen.plugin.ts'), line: 1 });
  expect(existsSync(join(folder, 'plan.json'))).toBe(false);
  const applied = await run('apply', '--yes', '--json');
  expect([applied.code, applied.stdout]).toEqual([1, '']);
});

test('apply stops at the first change that fails, and says what was done and what was not', async () => {
  await run('apply', '--yes');
  write({
    // One server alone keeps one replica.
    streams: [EVENTS, { name: 'MANY', subjects: ['many.>'], replicas: 3 }, { name: 'SHOP', subjects: ['shop.>'] }],
  });
  const applied = await run('apply', '--yes');
  expect(applied.code).toBe(1);
  expect(applied.stdout).toContain('✖ + stream MANY\n  not done: + stream SHOP\n');
  expect(applied.stderr).toContain('JP_STREAM_REPLICAS');
  const [entry] = (await run('audit', '--json')).json<{ outcome: string; detail: object }[]>();
  expect(entry).toMatchObject({ outcome: 'failed', detail: { changes: [] } });
});

test('a host recreates a durable at its position where deploy.onRecreate says so, and refuses by default', async () => {
  await run('apply', '--yes');
  for (const video_id of ['v1', 'v2', 'v3']) {
    await nats.jetstream().publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id }));
  }
  const { config } = await jsm.consumers.info('EVENTS', 'seen-handle');
  await jsm.consumers.delete('EVENTS', 'seen-handle');
  await jsm.consumers.add('EVENTS', { ...config, ack_policy: AckPolicy.Explicit, max_waiting: 10 });
  const consumer = await nats.jetstream().consumers.get('EVENTS', 'seen-handle');
  await (await consumer.next({ expires: 2_000 }))!.ackAck();

  const plugins = [join(folder, 'plugins')];
  const refusing = await scene.host({ server, plugins, config: { streams: [EVENTS] } });
  expect(refusing.ready.plugins.find(({ plugin }) => plugin === 'seen')).toMatchObject({
    state: 'failed',
    error: expect.objectContaining({ code: 'JP_CONSUMER_NOT_UPDATABLE' }),
  });
  expect(await refusing.stop()).toBe(0);
  const deploy = { onRecreate: 'keep-position' };
  const host = await scene.host({ server, plugins, config: { streams: [EVENTS], deploy } });
  await eventually(() => host.logged('seen').length === 2);
  expect(host.logged('seen').map(({ video }) => video)).toEqual(['v2', 'v3']);
  expect((await jsm.consumers.info('EVENTS', 'seen-handle')).config.max_waiting).toBe(512);
  expect(await host.stop()).toBe(0);
});
