import type { JetStreamManager, NatsConnection } from 'nats';
import { adoptDurable, durableAdoption } from '../../host/nats/adopt-durable';
import { Connection } from '../../host/nats/connection';
import type { PluginStatus } from '../../host/ops/status';
import { askApi, durableConfig, editDurable } from '../support/durables';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

/** Its handler `on` takes `video.<name>`, and fails at events with `bad`. */
const plugin = (name: string, options = '{}'): Record<string, string> => ({
  [`${name}.plugin.ts`]: pluginSource(
    `${name[0]!.toUpperCase()}${name.slice(1)}Plugin`,
    `  @Subscribe('video.${name}', { retry: { attempts: 5, backoff: ['20ms'] }, ...${options} })
  on(event: any, context: EventContext) {
    context.log.info('ran', { n: event.n, attempt: context.attempt });
    if (event.bad) throw new Error('bad');
  }`,
  ),
});

/** The settings that an operator may change, with the log lines of their correction. */
const EDITS: readonly (readonly [name: string, config: object, change: string])[] = [
  ['maxdeliver', { max_deliver: 3 }, 'max_deliver: 3 → -1'],
  ['headersonly', { headers_only: true }, 'headers_only: true → false'],
  ['maxbatch', { max_batch: 5 }, 'max_batch: 5 → 0'],
  ['maxexpires', { max_expires: 5e9 }, 'max_expires: 5 s → 0 s'],
  ['maxbytes', { max_bytes: 10 }, 'max_bytes: 10 → 0'],
  ['backoff', { backoff: [1e9, 2e9], max_deliver: 3 }, 'backoff: 1 s, 2 s → none'],
  ['ackpending', { max_ack_pending: 1 }, 'max_ack_pending: 1 → 5000'],
  ['ackwait', { ack_wait: 1e9 }, 'ack_wait: 1 s → 15 s'],
  ['filtered', { filter_subject: 'video.nothing' }, 'filter_subject: video.nothing → video.filtered'],
  ['widened', { filter_subject: undefined, filter_subjects: ['video.widened', 'user.>'] }, 'filter_subject: '],
  [
    'pinned',
    { priority_groups: ['g'], priority_policy: 'pinned_client', priority_timeout: 10e9 },
    'priority_policy: pinned_client → none',
  ],
  ['inactive', { inactive_threshold: 600e9 }, 'inactive_threshold: 600 s → 0 s'],
];
const CORRECTED = 'the settings of a durable consumer are corrected';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let host: TestHost;
let folder: string;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const names = [...EDITS.map(([name]) => name), 'paused', 'deleted', 'expired', 'marked'];
  folder = scene.folder(Object.assign({}, ...names.map((name) => plugin(name))) as Record<string, string>);
  host = await startHost();
  await host.stop();
});
afterAll(() => scene.end());

const startHost = (): Promise<TestHost> => scene.host({ server, plugins: [folder] });
const api = (request: string, body?: object): Promise<unknown> => askApi(nats, request, body);
const configOf = (name: string): Promise<Record<string, unknown>> => durableConfig(nats, 'EVENTS', `${name}-on`);
const edit = (name: string, changes: object): Promise<void> => editDurable(nats, 'EVENTS', `${name}-on`, changes);
const publish = async (name: string, event: object): Promise<void> => {
  await nats.jetstream().publish(`video.${name}`, JSON.stringify(event));
};
const ran = (name: string, n: number): LogLine[] =>
  host.logged('ran').filter((line) => line['plugin'] === name && line['n'] === n);
const corrections = (name: string): string[][] =>
  host
    .logged(CORRECTED)
    .filter((line) => line['plugin'] === name || line['handler'] === name)
    .map((line) => line['changes'] as string[]);
const stateOf = async (name: string): Promise<PluginStatus | undefined> =>
  (await ask(nats)).find((status) => status.plugin === name);
const readiness = async (): Promise<{ status: number; reasons: string[] }> => {
  const answer = await fetch(`${host.url}/readyz`);
  return { status: answer.status, reasons: ((await answer.json()) as { reasons: string[] }).reasons };
};

test('settings that operators change while no host runs are corrected at the start, and every event is handled', async () => {
  for (const [name, config] of EDITS) await edit(name, config);
  await api('CONSUMER.PAUSE.EVENTS.paused-on', { pause_until: new Date(Date.now() + 3_600_000).toISOString() });
  // An operator deletes one event and the server another. Neither counts as settled.
  await jsm.consumers.delete('EVENTS', 'deleted-on');
  await edit('expired', { inactive_threshold: 100e6 });
  await eventually(async () => (await jsm.consumers.list('EVENTS').next()).every(({ name }) => name !== 'expired-on'));
  for (const [name] of EDITS) await publish(name, { n: 1 });
  for (const name of ['paused', 'deleted', 'expired']) await publish(name, { n: 1 });
  await publish('maxdeliver', { n: 2, bad: true });
  host = await startHost();
  for (const [name] of EDITS) await eventually(() => ran(name, 1).length === 1);
  for (const name of ['deleted', 'expired']) await eventually(() => ran(name, 1).length === 1);
  await eventually(() => ran('maxdeliver', 2).length === 5);
  for (const [name, , change] of EDITS) {
    expect(corrections(name)).toHaveLength(1);
    expect(corrections(name)[0]!.join()).toContain(change);
  }
  const warnings = host.lines.filter(({ level, msg }) => level === 'warn' && !msg.endsWith('tried again'));
  expect(warnings.map(({ msg }) => msg).filter((msg) => msg !== CORRECTED)).toEqual(['a durable consumer is paused']);
}, 30_000);

test('a paused durable is shown as paused when the host is ready, and after an early resume its events are delivered', async () => {
  const shown = host.ready.plugins.find((status) => status.plugin === 'paused');
  expect(shown).toMatchObject({ state: 'paused', handlers: [{ state: 'paused', pausedUntil: expect.any(String) }] });
  expect(shown!.handlers[0]!.pauseRemainingMs).toBeGreaterThan(3_500_000);
  expect(await readiness()).toMatchObject({
    status: 503,
    reasons: [expect.stringMatching(/^plugin paused is paused: durable paused-on is paused on the server until 20/)],
  });
  await api('CONSUMER.PAUSE.EVENTS.paused-on');
  await eventually(() => ran('paused', 1).length === 1, 15_000);
  expect(await stateOf('paused')).toMatchObject({ state: 'running' });
  expect((await readiness()).status).toBe(200);
  expect(host.logged('a durable consumer is resumed')).toHaveLength(1);
}, 20_000);

test('settings that operators change while the host runs are corrected within 10 s, and no event is skipped', async () => {
  const before = await Promise.all(EDITS.map(([name]) => configOf(name)));
  await Promise.all(EDITS.map(([name, config]) => edit(name, config)));
  for (const [name] of EDITS) await publish(name, { n: 3 });
  await publish('maxdeliver', { n: 4, bad: true });
  const isCorrected = async (): Promise<boolean> => {
    const now = await Promise.all(EDITS.map(([name]) => configOf(name)));
    const fields = Object.keys(EDITS.reduce((all, [, config]) => ({ ...all, ...config }), {}));
    return now.every((config, i) => fields.every((field) => String(config[field]) === String(before[i]![field])));
  };
  await eventually(isCorrected, 10_000);
  for (const [name] of EDITS) await eventually(() => ran(name, 3).length === 1, 10_000);
  await eventually(() => ran('maxdeliver', 4).length === 5, 10_000);
  for (const [name] of EDITS) expect(corrections(name)).toHaveLength(2);
  expect((await stateOf('headersonly'))?.handlers[0]).toMatchObject({ state: 'running', failed: 0, deadLettered: 0 });
  expect((await stateOf('maxdeliver'))?.handlers[0]).toMatchObject({ deadLettered: 2, pending: 0, inFlight: 0 });
}, 30_000);

test('a durable that loses its mark is not used, which is logged once, and is used again when it has the mark', async () => {
  const { metadata } = (await configOf('marked')) as { metadata: Record<string, string> };
  await edit('marked', { metadata: {} });
  // The handler may wait for the corrections of the last test before.
  await eventually(async () => (await stateOf('marked'))?.handlers[0]?.waitsFor === 'refused', 10_000);
  expect((await stateOf('marked'))?.handlers[0]).toMatchObject({
    waitsFor: 'refused',
    reason: expect.stringContaining('durable marked-on on stream EVENTS has no mark of a deployment'),
  });
  // A pull that was refused before the last correction is retried within seconds.
  await eventually(async () => (await readiness()).reasons.length === 1, 15_000);
  expect((await readiness()).reasons).toEqual([
    expect.stringContaining('plugin marked is waiting: durable marked-on: '),
  ]);
  await publish('marked', { n: 1 });
  await edit('marked', { metadata });
  await eventually(() => ran('marked', 1).length === 1, 10_000);
  expect(host.logged('the durable consumer cannot be used')).toHaveLength(1);
  expect(await stateOf('marked')).toMatchObject({ state: 'running' });
}, 40_000);

test('a durable of another owner is refused by name and not changed until it is adopted', async () => {
  const config = {
    durable_name: 'foreign-on',
    ack_policy: 'explicit',
    filter_subject: 'video.foreign',
    max_deliver: 3,
  };
  await api('CONSUMER.CREATE.EVENTS.foreign-on.video.foreign', { stream_name: 'EVENTS', action: 'create', config });
  const original = { ...config, ack_policy: 'explicit', durable_name: 'original-on', filter_subject: 'video.original' };
  await api('CONSUMER.CREATE.EVENTS.original-on.video.original', {
    stream_name: 'EVENTS',
    config: { ...original, replay_policy: 'original', metadata: { 'jetplug.deployment': 'jetplug' } },
  });
  const before = await configOf('foreign');
  await publish('foreign', { n: 1, bad: true });
  const plugins = [scene.folder({ ...plugin('foreign'), ...plugin('original') })];
  const other = await scene.host({ server, plugins });
  expect(other.ready.plugins).toMatchObject([
    {
      plugin: 'foreign',
      state: 'failed',
      error: { code: 'JP_CONSUMER_FOREIGN', message: expect.stringContaining('max_deliver 3') },
    },
    {
      plugin: 'original',
      error: { code: 'JP_CONSUMER_NOT_UPDATABLE', message: expect.stringContaining('replay_policy: original') },
    },
  ]);
  expect(await configOf('foreign')).toEqual(before);
  await other.stop();
  const connection = await Connection.open({ servers: [server.url], name: 'adopt' });
  const asked = ['EVENTS', 'foreign-on', 'jetplug'] as const;
  expect(await durableAdoption(connection, ...asked)).toMatchObject({
    description: 'a pull consumer of video.foreign (max_deliver 3), 1 pending, 0 in flight',
    owner: { kind: 'unmarked' },
    changes: ['max_deliver: 3 → -1'],
  });
  expect(await configOf('foreign')).toEqual(before);
  await adoptDurable(connection, ...asked);
  await connection.close();
  host = await scene.host({ server, plugins });
  await eventually(() => ran('foreign', 1).length === 5);
}, 30_000);
