import { AckPolicy, DeliverPolicy, StorageType, type JetStreamManager, type NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import type { Connection } from '../../host/nats/connection';
import { newConfig } from '../../host/nats/durable-config';
import { applyConfig, fingerprintOf } from '../../host/nats/generation-record';
import { assertCurrent, planFile } from '../../host/plan/plan-file';
import { DURABLE } from '../support/durable-spec';
import { askApi, durableConfig, durableInfo, editDurable } from '../support/durables';
import { applySteps, lineOf, planOf, type ApplyFlags, type Deployed } from '../support/plan';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';
import { deleteStreams, openStreams } from '../support/streams';

const scene = new Scene();
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;

beforeAll(async () => {
  ({ nats, jsm, connection } = await openStreams(scene));
});
afterEach(() => deleteStreams(jsm));
afterAll(() => scene.end());

interface Written {
  readonly config?: object;
  readonly plugins?: Deployed['plugins'];
  readonly withStore?: readonly string[];
  readonly hasUnread?: boolean;
}

const EVENTS = { name: 'EVENTS', subjects: ['video.>', 'user.>'], duplicateWindow: '100ms' };
const BADGE = { badge: { award: { subject: 'video.*' } } };
/** The deployment before each change. */
const BEFORE = { config: {}, plugins: BADGE, withStore: ['badge'], hasUnread: false };

function deployed(written: Written): Deployed {
  const { config, ...rest } = { ...BEFORE, ...written };
  return { config: configOf(scene, { streams: [EVENTS], ...config }), ...rest };
}

async function publish(count: number, subject = 'video.a'): Promise<void> {
  for (let n = 0; n < count; n++) await nats.jetstream().publish(subject, '{}');
}

const streams = async (): Promise<string[]> => (await jsm.streams.names().next()).sort();
const streamConfig = async (name: string) => (await jsm.streams.info(name)).config;
const mark = { 'jetplug.deployment': 'jetplug' };

/** Deletes a durable of the deployment and creates it with other settings, as an operator might. */
async function remake(settings: object): Promise<void> {
  await jsm.consumers.delete('EVENTS', 'badge-award');
  const { metadata } = newConfig(DURABLE);
  const config = { durable_name: 'badge-award', ack_policy: AckPolicy.Explicit, filter_subject: 'video.*', metadata };
  const body = { stream_name: 'EVENTS', config: { ...config, deliver_policy: DeliverPolicy.All, ...settings } };
  await askApi(nats, 'CONSUMER.CREATE.EVENTS.badge-award.video.*', { ...body, action: 'create' });
}

/** Handles the first events of the durable. */
async function handle(count: number): Promise<void> {
  const consumer = await nats.jetstream().consumers.get('EVENTS', 'badge-award');
  for await (const message of await consumer.fetch({ max_messages: count, expires: 2_000 })) await message.ackAck();
}

type Named = readonly [name: string, subject: string];

function eventStreams(...named: readonly Named[]): object[] {
  return named.map(([name, subject]) => ({ name, subjects: [subject] }));
}

/** Creates streams beside that of the deployment. */
async function applyStreams(...named: readonly Named[]): Promise<void> {
  const streams = [EVENTS, ...eventStreams(...named)];
  await applySteps(connection, await planOf(connection, deployed({ config: { streams } })));
}

/** A way in which the server and the deployment differ. */
interface Drift extends ApplyFlags {
  readonly name: string;
  /** Changes the server, on which the deployment before is applied. */
  readonly happened?: () => Promise<unknown>;
  readonly written?: Written;
  readonly planned: readonly string[];
  /** The code of the refusal of `apply`; absent where it makes the changes. */
  readonly refused?: string;
  /** Checks the server after `apply`. */
  readonly then?: () => Promise<void>;
  /** The changes that a plan after `apply` still has. Default: none. */
  readonly left?: readonly string[];
}

const DRIFTS: readonly Drift[] = [
  {
    name: 'an empty server gets every stream, bucket and durable',
    happened: () => deleteStreams(jsm),
    planned: [
      '+ stream EVENTS: it will hold video.> user.>; events published before are not in it',
      '+ stream DEAD: it will hold the dead letters',
      '+ stream RETRY: it will hold the events of the retry queues',
      '+ bucket jetplug: it will hold the hosts’ records of attempts and settled events',
      '+ stream RUNS: it will hold the records of runs',
      '+ bucket jetplug-badge: it will hold the values of plugin badge',
      '+ stream LOG_jetplug-badge: it will hold the commits of plugin badge',
      '+ durable badge-award on EVENTS: it begins with its stream',
    ],
    then: async () => {
      const all = ['DEAD', 'EVENTS', 'KV_jetplug', 'KV_jetplug-badge', 'LOG_jetplug-badge', 'RETRY', 'RUNS'];
      expect(await streams()).toEqual(all);
      expect(await durableConfig(nats, 'EVENTS', 'badge-award')).toMatchObject({ filter_subject: 'video.*' });
    },
  },
  {
    name: 'a stream that is new in the config is created',
    written: { config: { streams: [EVENTS, { name: 'SHOP', subjects: ['shop.>'] }] } },
    planned: ['+ stream SHOP: it will hold shop.>; events published before are not in it'],
    then: async () => expect(await streamConfig('SHOP')).toMatchObject({ subjects: ['shop.>'], metadata: mark }),
  },
  {
    name: 'a longer age is set in place',
    written: { config: { streams: [{ ...EVENTS, maxAge: '14d' }] } },
    planned: ['~ stream EVENTS maxAge 7d → 14d: no stored message is lost'],
    then: async () => expect(await streamConfig('EVENTS')).toMatchObject({ max_age: 14 * 86_400 * 1e9 }),
  },
  {
    name: 'a smaller size that deletes stored events needs a yes',
    happened: () => publish(10),
    written: { config: { streams: [{ ...EVENTS, maxBytes: 200 }] } },
    planned: [
      expect.stringMatching(
        /^~ stream EVENTS maxBytes 10 GiB → 200 B: about \d stored events would be deleted; badge\.award would lose about \d that it has not handled \[--allow-data-loss\] \(not at a start\)$/,
      ),
    ],
    allowDataLoss: true,
    then: async () => expect((await jsm.streams.info('EVENTS')).state.bytes).toBeLessThanOrEqual(200),
  },
  {
    name: 'a smaller size that deletes stored events is refused without the yes',
    happened: () => publish(10),
    written: { config: { streams: [{ ...EVENTS, maxBytes: 200 }] } },
    planned: [expect.stringContaining('~ stream EVENTS maxBytes 10 GiB → 200 B')],
    refused: 'JP_PLAN_DATA_LOSS',
    then: async () => expect(await streamConfig('EVENTS')).toMatchObject({ max_bytes: 10 * 1024 ** 3 }),
  },
  {
    name: 'a subject is added in place',
    written: { config: { streams: [{ ...EVENTS, subjects: [...EVENTS.subjects, 'shop.>'] }] } },
    planned: ['~ stream EVENTS subjects video.> user.> → video.> user.> shop.>: no stored message is lost'],
    then: async () => expect((await streamConfig('EVENTS')).subjects).toContain('shop.>'),
  },
  {
    name: 'a subject with stored events is dropped with a yes',
    happened: () => publish(3, 'user.a'),
    written: { config: { streams: [{ ...EVENTS, subjects: ['video.>'] }] } },
    planned: [
      '~ stream EVENTS subjects video.> user.> → video.>: 3 stored events would reach no handler any more, and later ones would not be stored [--allow-data-loss] (not at a start)',
    ],
    allowDataLoss: true,
    then: async () => expect((await streamConfig('EVENTS')).subjects).toEqual(['video.>']),
  },
  {
    name: 'a limit that an operator has changed is set back',
    happened: async () => jsm.streams.update('EVENTS', { ...(await streamConfig('EVENTS')), max_bytes: 1024 ** 3 }),
    planned: ['~ stream EVENTS maxBytes 1 GiB → 10 GiB: no stored message is lost'],
    then: async () => expect(await streamConfig('EVENTS')).toMatchObject({ max_bytes: 10 * 1024 ** 3 }),
  },
  {
    name: 'another storage deletes the stream with its events, and creates it and its durables again',
    happened: () => publish(3),
    written: { config: { streams: [{ ...EVENTS, storage: 'memory' }] } },
    planned: [
      '! stream EVENTS storage file → memory: the server does not change it in place: 3 stored events would be deleted; badge.award would lose 3 that it has not handled [--allow-data-loss] (not at a start)',
      '! durable badge-award on EVENTS: it is deleted and created again with its stream, and delivers every event of the new one (not at a start)',
    ],
    allowDataLoss: true,
    then: async () => {
      expect(await streamConfig('EVENTS')).toMatchObject({ storage: StorageType.Memory });
      await publish(1);
      expect(await durableInfo(nats, 'EVENTS', 'badge-award')).toMatchObject({ num_pending: 1 });
    },
  },
  {
    name: 'a stream that the config no longer names stays without --prune',
    happened: async () => {
      await jsm.streams.add({ name: 'OLD', subjects: ['old.>'], metadata: mark });
      await publish(2, 'old.a');
    },
    planned: [
      '- stream OLD: the config does not name it: 2 stored events would be deleted [--prune --allow-data-loss] (not at a start)',
    ],
    left: [expect.stringContaining('- stream OLD')],
    then: async () => expect(await streams()).toContain('OLD'),
  },
  {
    name: 'a stream that the config no longer names is deleted with --prune and the yes',
    happened: async () => {
      await jsm.streams.add({ name: 'OLD', subjects: ['old.>'], metadata: mark });
      await publish(2, 'old.a');
    },
    planned: [expect.stringContaining('- stream OLD')],
    prune: true,
    allowDataLoss: true,
    then: async () => expect(await streams()).not.toContain('OLD'),
  },
  {
    name: 'an orphan with a durable of another program is not deleted',
    happened: async () => {
      await jsm.streams.add({ name: 'OLD', subjects: ['old.>'], metadata: mark });
      await jsm.consumers.add('OLD', { durable_name: 'theirs', ack_policy: AckPolicy.Explicit });
    },
    planned: [expect.stringContaining('- stream OLD')],
    prune: true,
    allowDataLoss: true,
    refused: 'JP_CONSUMER_FOREIGN',
    then: async () => expect(await streams()).toContain('OLD'),
  },
  {
    name: 'a renamed stream waits until the old one is pruned',
    written: {
      config: { streams: [{ ...EVENTS, name: 'NEWS' }] },
      plugins: { badge: { award: { subject: 'video.*', stream: 'NEWS' } } },
    },
    planned: [
      '- durable badge-award on EVENTS: no plugin has this handler: 0 pending, 0 in flight [--prune] (not at a start)',
      '- stream EVENTS: the config does not name it: 0 stored events would be deleted [--prune] (not at a start)',
      '+ stream NEWS: it will hold video.> user.>; events published before are not in it (not at a start)',
      '+ durable badge-award on NEWS: it begins with its stream (not at a start)',
    ],
    refused: 'JP_STREAM_OVERLAP',
    then: async () => expect(await streams()).toContain('EVENTS'),
  },
  {
    name: 'a renamed stream replaces the old one with --prune',
    written: {
      config: { streams: [{ ...EVENTS, name: 'NEWS' }] },
      plugins: { badge: { award: { subject: 'video.*', stream: 'NEWS' } } },
    },
    planned: [
      expect.stringContaining('- durable badge-award on EVENTS'),
      expect.stringContaining('- stream EVENTS'),
      expect.stringContaining('+ stream NEWS'),
      expect.stringContaining('+ durable badge-award on NEWS'),
    ],
    prune: true,
    then: async () => expect((await streams()).includes('EVENTS')).toBe(false),
  },
  {
    name: 'a subject moves from one stream to a new one',
    written: {
      config: {
        streams: [
          { name: 'USERS', subjects: ['user.>'] },
          { ...EVENTS, subjects: ['video.>'] },
        ],
      },
    },
    planned: [
      '~ stream EVENTS subjects video.> user.> → video.>: later events on the dropped subjects would not be stored; none is stored now [--allow-data-loss] (not at a start)',
      '+ stream USERS: it will hold user.>; events published before are not in it',
    ],
    allowDataLoss: true,
    then: async () => expect((await streamConfig('USERS')).subjects).toEqual(['user.>']),
  },
  {
    name: 'a chain of subjects moves from stream to stream, the last one first',
    happened: () => applyStreams(['A', 'a.>'], ['B', 'b.>'], ['C', 'c.>']),
    written: { config: { streams: [EVENTS, ...eventStreams(['A', 'b.>'], ['B', 'c.>'], ['C', 'd.>'])] } },
    planned: [
      expect.stringContaining('~ stream C subjects c.> → d.>'),
      expect.stringContaining('~ stream B subjects b.> → c.>'),
      expect.stringContaining('~ stream A subjects a.> → b.>'),
    ],
    allowDataLoss: true,
    then: async () => expect((await streamConfig('A')).subjects).toEqual(['b.>']),
  },
  {
    name: 'streams that take subjects from each other are refused, with a way out',
    happened: () => applyStreams(['A', 'a.>'], ['B', 'b.>']),
    written: { config: { streams: [EVENTS, ...eventStreams(['A', 'b.>'], ['B', 'a.>'])] } },
    planned: [
      expect.stringContaining('~ stream A subjects a.> → b.>'),
      expect.stringContaining('~ stream B subjects b.> → a.>'),
    ],
    allowDataLoss: true,
    refused: 'JP_STREAM_OVERLAP',
    then: async () => {
      const swapped = (first: string) =>
        planOf(connection, deployed({ config: { streams: [EVENTS, ...eventStreams(['A', first], ['B', 'a.>'])] } }));
      const [step] = await swapped('b.>');
      expect(step!.change.refused).toBe(
        'the streams A, B take subjects from each other, and the server lets no two streams hold one subject',
      );
      for (const first of ['moving.a', 'b.>'])
        await applySteps(connection, await swapped(first), { allowDataLoss: true });
      expect([(await streamConfig('A')).subjects, (await streamConfig('B')).subjects]).toEqual([['b.>'], ['a.>']]);
    },
  },
  {
    name: 'an unmarked stream that fits is used as it is',
    happened: async () => {
      const { metadata: _, ...config } = await streamConfig('EVENTS');
      await jsm.streams.update('EVENTS', { ...config, metadata: {} });
    },
    planned: [],
  },
  {
    name: 'a stream of another deployment is not touched',
    happened: async () => {
      const config = await streamConfig('EVENTS');
      await jsm.streams.update('EVENTS', { ...config, metadata: { 'jetplug.deployment': 'staging' } });
    },
    planned: [expect.stringContaining('? stream EVENTS: stream EVENTS is not managed by the deployment jetplug')],
    refused: 'JP_STREAM_FOREIGN',
  },
  {
    name: 'a stream with manage: false that is missing is not created',
    written: { config: { streams: [EVENTS, { name: 'SHOP', subjects: ['shop.>'], manage: false }] } },
    planned: [
      '? stream SHOP: stream SHOP is missing; the config has manage: false for it, so this host does not create it (not at a start)',
    ],
    refused: 'JP_STREAM_MISSING',
  },
  {
    name: 'a deleted durable is created behind the events that its handler has settled',
    happened: async () => {
      await publish(5);
      const { created } = await jsm.streams.info('EVENTS');
      const settled = JSON.stringify({ stream: 'EVENTS', created, ranges: [[1, 2]] });
      await (await nats.jetstream().views.kv('jetplug', { bindOnly: true })).put('settled.badge-award', settled);
      await jsm.consumers.delete('EVENTS', 'badge-award');
    },
    planned: ['+ durable badge-award on EVENTS: it begins behind event 2, with 3 stored events to handle'],
    then: async () => expect(await durableInfo(nats, 'EVENTS', 'badge-award')).toMatchObject({ num_pending: 3 }),
  },
  {
    name: 'a new handler begins where its `from` says',
    happened: () => publish(4),
    written: {
      plugins: {
        ...BADGE,
        seen: {
          all: { subject: 'video.*' },
          late: { subject: 'video.*', from: 'new' },
          third: { subject: 'video.*', from: { sequence: 3 } },
        },
      },
    },
    planned: [
      '+ durable seen-all on EVENTS: it begins with the oldest event, with 4 stored events to handle',
      '+ durable seen-late on EVENTS: it begins with the next event; stored ones are not delivered',
      '+ durable seen-third on EVENTS: it begins with event 3, with 2 stored events to handle',
    ],
    then: async () => expect(await durableInfo(nats, 'EVENTS', 'seen-third')).toMatchObject({ num_pending: 2 }),
  },
  {
    name: 'another ackWait is set in place, and the position is kept',
    happened: () => publish(2),
    written: { config: { delivery: { ackWait: '20s' } } },
    planned: ['~ durable badge-award on EVENTS ack_wait 15 s → 20 s: it keeps its position: 2 pending, 0 in flight'],
    then: async () => expect(await durableConfig(nats, 'EVENTS', 'badge-award')).toMatchObject({ ack_wait: 20e9 }),
  },
  {
    name: 'a setting of a durable that an operator has changed is set back',
    happened: () => editDurable(nats, 'EVENTS', 'badge-award', { max_ack_pending: 7 }),
    planned: [
      '~ durable badge-award on EVENTS max_ack_pending 7 → 5000: it keeps its position: 0 pending, 0 in flight',
    ],
    then: async () =>
      expect(await durableConfig(nats, 'EVENTS', 'badge-award')).toMatchObject({ max_ack_pending: 5_000 }),
  },
  {
    name: 'another subject of a handler is set in place',
    written: { plugins: { badge: { award: { subject: 'user.*' } } } },
    planned: [expect.stringContaining('~ durable badge-award on EVENTS filter_subject video.* → user.*')],
    then: async () =>
      expect(await durableConfig(nats, 'EVENTS', 'badge-award')).toMatchObject({ filter_subject: 'user.*' }),
  },
  {
    name: 'a durable whose events the server skips is created again behind the settled ones',
    happened: async () => {
      await publish(3);
      await editDurable(nats, 'EVENTS', 'badge-award', { max_deliver: 2 });
    },
    planned: [
      '! durable badge-award on EVENTS max_deliver 2 → -1: it begins behind the settled events, with 3 stored events to handle',
    ],
    then: async () => expect(await durableInfo(nats, 'EVENTS', 'badge-award')).toMatchObject({ num_pending: 3 }),
  },
  {
    name: 'a durable that cannot be changed in place is created again at its position',
    happened: async () => {
      await publish(5);
      await remake({ max_waiting: 10 });
      await handle(2);
    },
    planned: [
      expect.stringMatching(
        /^! durable badge-award on EVENTS max_waiting 10 → 512.*: it begins behind the settled events, with 3 stored events to handle \(not at a start\)$/,
      ),
    ],
    then: async () => {
      expect(await durableInfo(nats, 'EVENTS', 'badge-award')).toMatchObject({
        num_pending: 3,
        config: { max_waiting: 512 },
      });
    },
  },
  {
    name: 'with deploy.onRecreate: keep-position a start makes that too',
    happened: () => remake({ max_waiting: 10 }),
    written: { config: { deploy: { onRecreate: 'keep-position' } } },
    planned: [expect.not.stringContaining('not at a start')],
  },
  {
    name: 'a durable of another program is not touched',
    happened: () => remake({ metadata: {} }),
    planned: [
      expect.stringContaining(
        '? durable badge-award on EVENTS: durable badge-award on stream EVENTS has no mark of a deployment',
      ),
    ],
    refused: 'JP_CONSUMER_FOREIGN',
  },
  {
    name: 'a removed handler leaves an orphan, which --prune deletes',
    happened: () => publish(4),
    written: { plugins: { badge: { prize: { subject: 'video.*', from: 'new' } } } },
    planned: [
      '+ durable badge-prize on EVENTS: it begins with the next event; stored ones are not delivered',
      '- durable badge-award on EVENTS: no plugin has this handler: 4 pending, 0 in flight [--prune] (not at a start)',
    ],
    prune: true,
    then: async () => {
      await expect(durableInfo(nats, 'EVENTS', 'badge-award')).rejects.toThrow('consumer not found');
    },
  },
  {
    name: 'a removed plugin leaves its durables, its bucket and its commit log',
    happened: async () => {
      await (await nats.jetstream().views.kv('jetplug-badge', { bindOnly: true })).put('u1', '1');
    },
    written: { plugins: {} },
    planned: [
      '- durable badge-award on EVENTS: no plugin has this handler: 0 pending, 0 in flight [--prune] (not at a start)',
      '- bucket jetplug-badge: there is no such plugin: it holds 1 value [--prune --allow-data-loss] (not at a start)',
      '- stream LOG_jetplug-badge: there is no such plugin: it holds 0 commits [--prune] (not at a start)',
    ],
    prune: true,
    allowDataLoss: true,
    then: async () => expect(await streams()).toEqual(['DEAD', 'EVENTS', 'KV_jetplug', 'RETRY', 'RUNS']),
  },
  {
    name: 'a plugin that cannot be read leaves no orphan',
    written: { plugins: {}, hasUnread: true },
    planned: [],
  },
  {
    name: 'a disabled plugin keeps its assets, and nobody changes them',
    happened: () => editDurable(nats, 'EVENTS', 'badge-award', { max_ack_pending: 7 }),
    written: { config: { plugins: { badge: { enabled: false } } } },
    planned: [],
  },
  {
    name: 'a plugin that begins to inject a store gets a bucket and a commit log',
    written: { plugins: { ...BADGE, seen: { all: { subject: 'video.*' } } }, withStore: ['badge', 'seen'] },
    planned: [
      '+ bucket jetplug-seen: it will hold the values of plugin seen',
      '+ stream LOG_jetplug-seen: it will hold the commits of plugin seen',
      '+ durable seen-all on EVENTS: it begins with the oldest event, with 0 stored events to handle',
    ],
  },
  {
    name: 'a size limit of the buckets is set on each',
    written: { config: { store: { maxBytes: '1 GiB' } } },
    planned: [
      '~ bucket jetplug maxBytes unlimited → 1 GiB: no stored message is lost',
      '~ bucket jetplug-badge maxBytes unlimited → 1 GiB: no stored message is lost',
    ],
  },
  {
    name: 'the stream of the records of runs is used only while it is this deployment’s',
    happened: async () => {
      await jsm.streams.delete('RUNS');
      await jsm.streams.add({ name: 'RUNS', subjects: ['runs.>'] });
    },
    planned: [expect.stringContaining('? stream RUNS: stream RUNS is not managed by the deployment jetplug')],
    left: [expect.stringContaining('? stream RUNS')],
  },
  {
    name: 'a durable of the retry queue is created when the queue holds an event of its handler',
    happened: () => publish(1, 'retry.badge.award.EVENTS.1.1.1'),
    planned: ['+ durable badge--award on RETRY: it begins with the oldest event, with 1 stored events to handle'],
    then: async () => expect(await durableInfo(nats, 'RETRY', 'badge--award')).toMatchObject({ num_pending: 1 }),
  },
];

test.each(DRIFTS)('$name', async ({ happened, written = {}, planned, refused, then, left = [], ...flags }) => {
  await applySteps(connection, await planOf(connection, deployed({})));
  expect((await planOf(connection, deployed({}))).map(lineOf)).toEqual([]);
  await happened?.();
  const deployment = deployed(written);
  const steps = await planOf(connection, deployment);
  expect(steps.map(lineOf)).toEqual(planned);
  // A plan has changed nothing.
  expect((await planOf(connection, deployment)).map(lineOf)).toEqual(planned);
  const outcome = await applySteps(connection, steps, flags).then(
    () => undefined,
    (error: unknown) => (error as { code: string }).code,
  );
  expect(outcome).toBe(refused);
  await then?.();
  if (refused === undefined) expect((await planOf(connection, deployment)).map(lineOf)).toEqual(left);
});

test('a stream that got messages after the plan is not deleted without --allow-data-loss', async () => {
  await applySteps(connection, await planOf(connection, deployed({})));
  const steps = await planOf(connection, deployed({ config: { streams: [{ ...EVENTS, storage: 'memory' }] } }));
  await publish(2);
  await expect(applySteps(connection, steps)).rejects.toMatchObject({
    code: 'JP_PLAN_DATA_LOSS',
    message: 'stream EVENTS has 2 messages now',
  });
  expect((await jsm.streams.info('EVENTS')).state.messages).toBe(2);
});

test('with deploy.bindOnly no host makes a change', async () => {
  const steps = await planOf(connection, deployed({ config: { deploy: { bindOnly: true } } }));
  expect(steps.map(({ change }) => [change.change, change.atStart])).toEqual(steps.map(() => ['create', false]));
  expect(steps.map(({ change }) => change.name)).toEqual(expect.arrayContaining(['AUDIT', 'badge--award']));
});

test('with an earlier config than the newest one, a start changes no settings, and creates what is missing', async () => {
  const earlier = deployed({
    config: { streams: [{ ...EVENTS, maxAge: '14d' }], delivery: { ackWait: '20s' } },
    plugins: { ...BADGE, seen: { all: { subject: 'video.*' } } },
  });
  const newest = deployed({});
  await applySteps(connection, await planOf(connection, newest));
  const records = Bucket.at(connection, 'jetplug');
  for (const { config } of [earlier, newest]) await applyConfig(records, fingerprintOf(config), 'ann@desk');
  const newerConfig = { generation: 2, host: 'ann@desk', since: expect.any(String) as string };
  expect((await planOf(connection, earlier)).map(({ change }) => change)).toEqual([
    expect.objectContaining({ change: 'update', name: 'EVENTS', atStart: false, newerConfig }),
    expect.objectContaining({ change: 'update', name: 'badge-award', atStart: false, newerConfig }),
    expect.not.objectContaining({ newerConfig }),
  ]);
  expect((await planOf(connection, earlier)).at(-1)!.change).toMatchObject({ change: 'create', atStart: true });
  await applyConfig(records, fingerprintOf(earlier.config), 'ann@desk');
  expect((await planOf(connection, earlier)).every(({ change }) => change.atStart && !change.newerConfig)).toBe(true);
});

test('a change that is refused says so', async () => {
  await applySteps(connection, await planOf(connection, deployed({})));
  await jsm.streams.add({ name: 'THEIRS', subjects: ['shop.>'] });
  const [step] = await planOf(
    connection,
    deployed({ config: { streams: [{ ...EVENTS, subjects: ['video.>', 'shop.a'] }] } }),
  );
  expect(step!.change).toMatchObject({
    atStart: false,
    refused: 'stream EVENTS and the stream THEIRS on the server would hold the same subjects',
  });
});

describe('a plan file', () => {
  const LONGER = { config: { streams: [{ ...EVENTS, maxAge: '14d' }] } };
  const staleBy = (
    file: ReturnType<typeof planFile>,
    now: Parameters<typeof assertCurrent>[2],
    name = 'jetplug',
  ): unknown => {
    try {
      assertCurrent(file, name, now);
      return 'current';
    } catch (error) {
      return (error as { code: string; message: string }).message;
    }
  };

  beforeEach(async () => applySteps(connection, await planOf(connection, deployed({}))));

  test('stays current while events are published and the server writes its own metadata', async () => {
    const file = planFile('jetplug', await planOf(connection, deployed(LONGER)));
    await publish(3);
    const read = JSON.parse(JSON.stringify(file)) as typeof file;
    expect(staleBy(read, await planOf(connection, deployed(LONGER)))).toBe('current');
  });

  test('is refused when its asset was changed on the server, and names the asset', async () => {
    const file = planFile('jetplug', await planOf(connection, deployed(LONGER)));
    await jsm.streams.update('EVENTS', { ...(await streamConfig('EVENTS')), description: 'mine' });
    expect(staleBy(file, await planOf(connection, deployed(LONGER)))).toBe(
      'the plan is out of date: stream EVENTS has been changed on the server',
    );
  });

  test('is refused when the config wants something else, or more, or the deployment is another', async () => {
    const file = planFile('jetplug', await planOf(connection, deployed(LONGER)));
    const other = { config: { streams: [{ ...EVENTS, maxAge: '21d' }] } };
    expect(staleBy(file, await planOf(connection, deployed(other)))).toBe(
      'the plan is out of date: stream EVENTS is to get other settings now: the config or a plugin has changed',
    );
    const more = { config: { ...LONGER.config, delivery: { ackWait: '20s' } } };
    expect(staleBy(file, await planOf(connection, deployed(more)))).toBe(
      'the plan is out of date: durable badge-award on stream EVENTS is not in it, and is now to be changed (update)',
    );
    expect(staleBy(file, [], 'staging')).toBe(
      'the plan is out of date: it is of the deployment jetplug, and the config is of staging',
    );
  });

  test('is current when some of its changes are made already', async () => {
    const written = { config: { ...LONGER.config, delivery: { ackWait: '20s' } } };
    const steps = await planOf(connection, deployed(written));
    await applySteps(connection, steps.slice(0, 1));
    const rest = await planOf(connection, deployed(written));
    expect(rest.length).toBe(steps.length - 1);
    expect(staleBy(planFile('jetplug', steps), rest)).toBe('current');
  });
});
