import { AckPolicy, DeliverPolicy, type JetStreamManager, type NatsConnection } from 'nats';
import { Connection } from '../../host/nats/connection';
import { ensureStreams } from '../../host/nats/ensure-streams';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';
import { deleteStreams, openStreams } from '../support/streams';
import type { StreamState } from '../../host/broker/stream-state';

/** A client without a name may do everything; the user `host` may create no consumers. */
const USERS = {
  authorization: {
    users: [
      { user: 'admin', password: 'a' },
      {
        user: 'host',
        password: 'h',
        permissions: { publish: { allow: ['>'], deny: ['$JS.API.CONSUMER.CREATE.>'] } },
      },
    ],
  },
  no_auth_user: 'admin',
};

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;

beforeAll(async () => {
  ({ server, nats, jsm, connection } = await openStreams(scene, USERS));
});
afterEach(() => deleteStreams(jsm));
afterAll(() => scene.end());

const EVENTS = { name: 'EVENTS', subjects: ['video.>', 'user.>'], duplicateWindow: '100ms' };

const start = (stream: object = {}, written: object = {}): Promise<StreamState[]> =>
  ensureStreams(connection, configOf(scene, { streams: [{ ...EVENTS, ...stream }], ...written }));

async function refusal(...args: Parameters<typeof start>): Promise<{ code: string; message: string }> {
  return start(...args).then(
    () => ({ code: 'none', message: 'it was not refused' }),
    (error: unknown) => ({ code: (error as { code: string }).code, message: (error as Error).message }),
  );
}

async function publish(count: number, subject = 'video.a'): Promise<void> {
  for (let i = 0; i < count; i++) await nats.jetstream().publish(subject, 'x'.repeat(100));
}

/** Makes a handler's durable that has been delivered some events and has acknowledged some of those. */
async function handler(name: string, filter: string, delivered = 0, acknowledged = delivered): Promise<void> {
  await jsm.consumers.add('EVENTS', {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    filter_subject: filter,
    metadata: { 'jetplug.plugin': name, 'jetplug.handler': 'on' },
  });
  if (delivered === 0) return;
  const consumer = await nats.jetstream().consumers.get('EVENTS', name);
  let taken = 0;
  for await (const message of await consumer.fetch({ max_messages: delivered, expires: 2_000 })) {
    if (taken++ < acknowledged) await message.ackAck();
  }
}

const stored = async (): Promise<number> => (await jsm.streams.info('EVENTS')).state.messages;

/** Resolves when the stored events are older than this age. */
async function untilOlderThan(ms: number): Promise<void> {
  const { state } = await jsm.streams.info('EVENTS');
  await eventually(() => Date.now() - Date.parse(state.last_ts) > ms);
}

describe('a shorter age', () => {
  test('is refused where it deletes stored events, with the loss of each handler', async () => {
    await start();
    await publish(10);
    await publish(2, 'user.a');
    await untilOlderThan(1_000);
    await publish(3);
    // The deliveries are of the 12 old events, but for the 13th of `done`.
    await handler('fresh', 'video.>');
    await handler('half', 'video.>', 4);
    await handler('done', 'video.>', 13);
    await handler('users', 'user.>', 1);
    await handler('in-flight', 'video.>', 11, 2);
    const before = await jsm.streams.info('EVENTS');
    expect(await refusal({ maxAge: '900ms' })).toMatchObject({
      code: 'JP_STREAM_DATA_LOSS',
      message:
        'stream EVENTS: maxAge 7d → 900ms: 12 stored events would be deleted' +
        '; fresh.on would lose 10 that it has not handled' +
        '; half.on would lose 6 that it has not handled' +
        // Eleven events were delivered; the last of them stays.
        '; in-flight.on would lose up to 9 that it has not handled' +
        '; users.on would lose 1 that it has not handled',
    });
    const after = await jsm.streams.info('EVENTS');
    expect([after.config, after.state.messages]).toEqual([before.config, 15]);
  });

  test('is applied in place where it deletes nothing', async () => {
    await start();
    await publish(3);
    const [events] = await start({ maxAge: '1h' });
    expect(events).toMatchObject({ change: 'updated', changes: ['maxAge 7d → 1h'] });
    expect(await stored()).toBe(3);
  });

  test('is applied where the loss is allowed, and the loss is logged', async () => {
    await start();
    await publish(3);
    await handler('fresh', 'video.>');
    await untilOlderThan(300);
    const [events] = await start({ maxAge: '200ms' }, { deploy: { allowDataLoss: true } });
    expect(events!.changes).toEqual([
      'maxAge 7d → 200ms',
      'maxAge 7d → 200ms: 3 stored events would be deleted; fresh.on would lose 3 that it has not handled',
    ]);
    await eventually(async () => (await stored()) === 0);
  });

  test('of the dead letters is refused too', async () => {
    await start();
    await nats.jetstream().publish('dead.badge.award.EVENTS.1', '{}');
    const letter = await jsm.streams.getMessage('DEAD', { seq: 1 });
    await eventually(() => Date.now() - letter.time.getTime() > 300);
    expect(await refusal({}, { deadLetters: { maxAge: '200ms' } })).toMatchObject({
      code: 'JP_STREAM_DATA_LOSS',
      message: 'stream DEAD: maxAge 30d → 200ms: 1 stored event would be deleted',
    });
    expect((await jsm.streams.info('DEAD')).state.messages).toBe(1);
  });
});

describe('fewer bytes', () => {
  test('are refused where they delete stored events, with their approximate number', async () => {
    await start();
    await publish(20);
    await handler('half', 'video.>', 5);
    const { state } = await jsm.streams.info('EVENTS');
    expect(await refusal({ maxBytes: state.bytes / 2 })).toMatchObject({
      code: 'JP_STREAM_DATA_LOSS',
      message: expect.stringMatching(
        /^stream EVENTS: maxBytes 10 GiB → .* KiB: about 10 stored events would be deleted; half\.on would lose about 5 that it has not handled$/,
      ),
    });
    expect(await stored()).toBe(20);
  });

  test('are applied in place where all stored events fit', async () => {
    await start();
    await publish(20);
    const [events] = await start({ maxBytes: '1 MiB' });
    expect(events).toMatchObject({ change: 'updated', changes: ['maxBytes 10 GiB → 1 MiB'] });
    expect(await stored()).toBe(20);
  });

  test('of a full bucket or of the retries delete nothing: new messages are refused', async () => {
    await start();
    await nats.jetstream().publish('retry.badge.award.EVENTS.1', 'x'.repeat(500));
    await start({}, { retries: { maxBytes: 100 } });
    const { state, config } = await jsm.streams.info('RETRY');
    expect([state.messages, config.max_bytes]).toEqual([1, 100]);
    await expect(nats.jetstream().publish('retry.badge.award.EVENTS.2', '{}')).rejects.toMatchObject({
      api_error: { err_code: 10077, description: 'maximum bytes exceeded' },
    });
  });
});

describe('dropped subjects', () => {
  test('are refused, with the loss of each handler', async () => {
    await start();
    await publish(4);
    await publish(3, 'user.a');
    await publish(2, 'user.b');
    await handler('users', 'user.>', 2, 1);
    await handler('only-a', 'user.a', 3);
    await handler('videos', 'video.>');
    await handler('all', '>', 5, 5);
    const before = (await jsm.streams.info('EVENTS')).config;
    expect(await refusal({ subjects: ['video.>'] })).toMatchObject({
      code: 'JP_STREAM_DATA_LOSS',
      message:
        'stream EVENTS: subjects video.> user.> → video.>: 5 stored events would reach no handler any more, and later ones would not be stored' +
        '; all.on would lose 4 that it has not handled' +
        '; users.on would lose 4 that it has not handled',
    });
    expect((await jsm.streams.info('EVENTS')).config).toEqual(before);
  });

  test('are refused on an empty stream too, because later events would be lost', async () => {
    await start();
    expect(await refusal({ subjects: ['video.>', 'user.added'] })).toMatchObject({
      code: 'JP_STREAM_DATA_LOSS',
      message: expect.stringMatching(/: later events on the dropped subjects would not be stored; none is stored now$/),
    });
  });

  test('that others cover, and new ones, are changed in place', async () => {
    await start({ subjects: ['video.a', 'video.b', 'user.>'] });
    await publish(3);
    const [events] = await start({ subjects: ['video.>', 'user.>', 'badge.>'] });
    expect(events).toMatchObject({ change: 'updated' });
    expect((await jsm.streams.info('EVENTS')).config.subjects.toSorted()).toEqual(['badge.>', 'user.>', 'video.>']);
    expect(await stored()).toBe(3);
  });
});

test('several changes are refused together, and none of them is applied', async () => {
  await start();
  await publish(3);
  await untilOlderThan(300);
  const refused = await refusal({ subjects: ['video.>'], maxAge: '200ms' }, { deadLetters: { maxAge: '90d' } });
  expect(refused.message).toMatch(
    /subjects .*: later events on the dropped subjects would not be stored; none is stored now\. maxAge 7d → 200ms: 3 stored events would be deleted/,
  );
  expect((await jsm.streams.info('DEAD')).config.max_age).toBe(30 * 86_400 * 1e9);
});

test('a field that cannot be changed in place is refused, even if data loss is allowed', async () => {
  await start();
  expect(await refusal({ storage: 'memory' }, { deploy: { allowDataLoss: true } })).toMatchObject({
    code: 'JP_STREAM_NOT_UPDATABLE',
    message: 'stream EVENTS: storage file → memory',
  });
});

test('an operator’s changes to the stream of the retries are reverted, so that no event expires', async () => {
  await start();
  const { config } = await jsm.streams.info('RETRY');
  await jsm.streams.update('RETRY', { ...config, max_age: 3_600 * 1e9, discard: 'old' as never });
  await start();
  expect((await jsm.streams.info('RETRY')).config).toMatchObject({ max_age: 0, discard: 'new' });
});

test('where the host may not count the events, it refuses with bounds', async () => {
  await start();
  await publish(4);
  await handler('half', 'video.>', 2);
  await untilOlderThan(300);
  const restricted = await Connection.open({
    servers: [server.url],
    name: 'restricted',
    nats: { credentials: { user: 'host', password: 'h' }, tls: {} },
  });
  try {
    const config = configOf(scene, { streams: [{ ...EVENTS, maxAge: '200ms' }] });
    await expect(ensureStreams(restricted, config)).rejects.toThrow(
      'stream EVENTS: maxAge 7d → 200ms: 1 to 4 stored events would be deleted; half.on would lose up to 2 that it has not handled',
    );
  } finally {
    await restricted.close();
  }
});
