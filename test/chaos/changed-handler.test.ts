/** The ack settings, the subject and the name of a handler change in one deployment, with much work waiting. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shopPlugin } from '../support/changed-handler';
import { storedLetters } from '../support/dead-letters';
import { allSettled, durableConfig, durableInfo } from '../support/durables';
import { eventually } from '../support/eventually';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

const WAITING = 10_000;
const REDELIVERED = 50;

const scene = new Scene();
afterAll(() => scene.end());

test('10,000 events that wait and 50 in redelivery are handled once each, though the new host is killed meanwhile', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const js = nats.jetstream();
  const plugins = scene.folder();
  const save = (source: string): void => writeFileSync(join(plugins, 'shop.plugin.ts'), source);
  const publish = async (subject: string, from: number, count: number): Promise<void> => {
    for (let n = from; n < from + count; n += 1_000) {
      const chunk = Array.from({ length: Math.min(1_000, from + count - n) }, (_, i) => n + i);
      await Promise.all(chunk.map((each) => js.publish(subject, JSON.stringify({ n: each }))));
    }
  };

  save(shopPlugin({ method: 'sell', subject: 'video.sold', retry: '{}', first: `throw new RetryLater('12s');` }));
  const before = await scene.host({ server, plugins: [plugins] });
  await publish('video.sold', 0, REDELIVERED);
  await eventually(async () => (await durableInfo(nats, 'EVENTS', 'shop-sell')).num_ack_pending === REDELIVERED);
  await before.stop();
  await publish('video.sold', REDELIVERED, WAITING);
  expect(await durableInfo(nats, 'EVENTS', 'shop-sell')).toMatchObject({
    num_pending: WAITING,
    num_ack_pending: REDELIVERED,
  });

  save(shopPlugin({ method: 'dispatch', renamedFrom: 'sell', subject: 'video.dispatched', retry: '{ attempts: 2 }' }));
  const deploy = { server, plugins: [plugins], config: { delivery: { ackWait: '5s', maxAckPending: 500 } } };
  const after = await scene.host(deploy);
  await eventually(async () => Object.keys(await readStore(nats, 'shop')).length > WAITING / 4, 60_000);
  await after.kill();
  await scene.host(deploy);
  const beyond = REDELIVERED + WAITING;
  await publish('video.dispatched', beyond, 100);
  await eventually(async () => Object.keys(await readStore(nats, 'shop')).length === beyond + 100, 60_000);
  await allSettled(await nats.jetstreamManager(), ['EVENTS', 'RETRY']);
  await eventually(
    async () => (await durableConfig(nats, 'EVENTS', 'shop-sell'))['filter_subject'] === 'video.dispatched',
    20_000,
  );

  const store = await readStore(nats, 'shop');
  expect(Object.keys(store)).toHaveLength(beyond + 100);
  expect(Object.entries(store).filter(([, count]) => count !== 1)).toEqual([]);
  expect(await storedLetters(nats)).toEqual([]);
  expect(await durableConfig(nats, 'EVENTS', 'shop-sell')).toMatchObject({ ack_wait: 5e9, max_ack_pending: 500 });
  process.stdout.write(`${beyond + 100} events, each handled once; 0 dead letters\n`);
});
