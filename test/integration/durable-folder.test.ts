import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDurable } from '../../host/nats/consumers';
import { DURABLE } from '../support/durable-spec';
import { durableInfo } from '../support/durables';
import { Scene } from '../support/scene';
import { openStreams } from '../support/streams';

const scene = new Scene();
afterAll(() => scene.end());

test('a durable whose folder is missing on the server’s disk is replaced when it must be corrected', async () => {
  const store = scene.folder();
  const { nats, jsm, connection } = await openStreams(scene, { jetstream: { store_dir: store } });
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
  for (let n = 0; n < 5; n++) await nats.jetstream().publish('video.a', '{}');
  await ensureDurable(connection, DURABLE);
  const folder = join(store, 'jetstream', '$G', 'streams', 'EVENTS', 'obs', DURABLE.durable);
  rmSync(folder, { recursive: true });
  const changed = { ...DURABLE, ackWaitMs: 20_000, resumeAfter: 3 };
  expect(await ensureDurable(connection, changed)).toMatchObject({
    pending: 2,
    corrected: ['ack_wait: 30 s → 20 s'],
  });
  expect(existsSync(folder)).toBe(true);
  expect((await durableInfo(nats, 'EVENTS', DURABLE.durable)).config).toMatchObject({ ack_wait: 20e9 });
});
