import { askApi, durableConfig } from '../support/durables';
import { applySteps, lineOf, planOf } from '../support/plan';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';
import { openStreams } from '../support/streams';

const scene = new Scene();
afterAll(() => scene.end());

test('values that limits of the server and of the stream set on a durable are in no plan, and other changes are', async () => {
  const limits = { max_request_batch: 20 };
  const { nats, connection } = await openStreams(scene, {
    jetstream: { store_dir: scene.folder({}), max_file_store: 1024 ** 4, limits },
  });
  const streams = [{ name: 'EVENTS', subjects: ['video.>'] }];
  const plan = (settings: object = {}) =>
    planOf(connection, {
      config: configOf(scene, { streams, ...settings }),
      plugins: { badge: { award: { subject: 'video.*' } } },
    });
  await applySteps(connection, await plan());
  expect(await durableConfig(nats, 'EVENTS', 'badge-award')).toMatchObject({ max_batch: 20 });
  expect(await plan()).toEqual([]);

  const { config } = (await askApi(nats, 'STREAM.INFO.EVENTS')) as { config: object };
  await askApi(nats, 'STREAM.UPDATE.EVENTS', { ...config, consumer_limits: { inactive_threshold: 86_400e9 } });
  await nats
    .jetstream()
    .consumers.get('EVENTS', 'badge-award')
    .then((consumer) => consumer.delete());
  await applySteps(connection, await plan());
  expect(await durableConfig(nats, 'EVENTS', 'badge-award')).toMatchObject({ inactive_threshold: 86_400e9 });
  expect(await plan()).toEqual([]);
  expect((await plan({ delivery: { ackWait: '20s' } })).map(lineOf)).toEqual([
    '~ durable badge-award on EVENTS ack_wait 15 s → 20 s: it keeps its position: 0 pending, 0 in flight',
  ]);
});
