import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { parse } from 'yaml';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { envOf, grantedServer, loginOf, refusalsOf } from '../support/granted-server';
import { STORY_CONFIG, STORY_PLUGINS, type TestHost } from '../support/host';
import { Scene } from '../support/scene';
import { bucketIsFilled } from '../support/stored';
import { each, handled } from '../support/story';

const STREAMS = parse(STORY_CONFIG['config/default.yaml']) as object;

describe.each(['everything', 'only the permissions that are printed'])('with %s granted', (granted) => {
  const scene = new Scene();
  let host: TestHost;
  let nats: NatsConnection;
  let refusals: () => string[];
  const isLimited = granted !== 'everything';
  /** Commands log in as an operator. */
  const as = isLimited ? { env: envOf('operator') } : {};

  beforeAll(async () => {
    const server = isLimited ? await grantedServer(scene, STREAMS, STORY_PLUGINS) : await scene.server();
    refusals = refusalsOf(server);
    nats = await scene.client(server.url);
    const config = isLimited ? { nats: { credentials: loginOf('host') } } : {};
    host = await scene.host({ server, plugins: [STORY_PLUGINS], config });
  });
  afterAll(() => scene.end());

  test('a watch that is published by hand is handled by all six plugins', async () => {
    nats.publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
    await eventually(async () => expect(await handled(host)).toMatchObject(each(1)) === undefined);
    expect(host.noise).toEqual([]);
  });

  test('the values of a plugin are plain JSON in its bucket', async () => {
    await bucketIsFilled(nats, 'badge');
    const bucket = await nats.jetstream().views.kv('jetplug-badge', { bindOnly: true });
    expect((await bucket.get('u1'))?.string()).toBe('1');
  });

  test('an event that a plugin publishes is in the stream, with its envelope', async () => {
    const jsm = await nats.jetstreamManager();
    const message = await jsm.streams.getMessage('EVENTS', { last_by_subj: 'badge.awarded' });
    expect(message.json()).toEqual({
      event_type: 'badge.awarded',
      event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      user_id: 'u1',
      badge: 'first-watch',
      count: 1,
    });
  });

  test('each plugin handles each of 2,000 events of a file, and the badge counts equal the counts in the file', async () => {
    const before = await handled(host);
    const events = Array.from({ length: 2_000 }, (_, i) => ({ user_id: `viewer ${i % 97}`, video_id: `v${i % 41}` }));
    const file = join(
      scene.folder({ 'events.ndjson': events.map((event) => `${JSON.stringify(event)}\n`).join('') }),
      'events.ndjson',
    );

    const published = await jetplug(
      [
        'publish',
        'video.watch_started',
        '--file',
        file,
        '--json',
        '--servers',
        host.servers,
        '--plugins',
        STORY_PLUGINS,
      ],
      as,
    );
    expect(published).toMatchObject({ code: 0, stderr: '' });
    expect(published.json()).toMatchObject({
      subject: 'video.watch_started',
      published: 2_000,
      seconds: expect.any(Number),
      rate: expect.any(Number),
    });
    expect(published.json<{ rate: number }>().rate).toBeGreaterThan(0);

    await eventually(
      async () => expect(await handled(host)).toMatchObject(each(before['badge.award']! + 2_000)) === undefined,
      30_000,
    );
    const stored = (await jetplug(['store', 'badge', '--json', '--servers', host.servers], as)).json<
      { key: string; value: number }[]
    >();
    const own: Record<string, number> = { u1: 1 };
    for (const { user_id } of events) own[user_id] = (own[user_id] ?? 0) + 1;
    expect(Object.fromEntries(stored.map(({ key, value }) => [key, value]))).toEqual(own);
    const dead = await jetplug(['dead', 'list', '--json', '--servers', host.servers], as);
    expect(dead.json()).toEqual([]);
  }, 60_000);

  test('the server has refused nothing', () => {
    expect(refusals()).toEqual([]);
  });
});
