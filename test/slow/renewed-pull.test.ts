import { AckPolicy, type NatsConnection } from 'nats';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../../host/nats/connection';
import { pinFields } from '../../host/nats/pin-config';
import { PinnedPull } from '../../host/nats/pinned-pull';
import { resetDurable } from '../../host/nats/pins';
import { eventually } from '../support/eventually';
import type { TestCluster } from '../support/nats-cluster';
import { Scene } from '../support/scene';

const LOAD_MS = 4_000;
const RENEW_MS = 200;
const DURABLE = { stream: 'EVENTS', durable: 'watch-handle' };

const scene = new Scene();
let cluster: TestCluster;
let nats: NatsConnection;

beforeAll(async () => {
  cluster = await scene.cluster();
  nats = await scene.client(...cluster.urls);
}, 60_000);
afterAll(() => scene.end());

test.each([
  ['the server that leads the durable', 0],
  ['another server', 1],
])(
  'a pull by %s that renews its requests gets all events, in the order of the stream',
  async (_what, offset) => {
    const jsm = await nats.jetstreamManager();
    await eventually(async () => {
      await jsm.streams.delete('EVENTS').catch(() => undefined);
      return jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'], num_replicas: 3 });
    }, 30_000);
    const config = { durable_name: DURABLE.durable, ack_policy: AckPolicy.Explicit, max_ack_pending: 20_000 };
    await eventually(() => jsm.consumers.add('EVENTS', { ...config, ...pinFields({ isPinned: true }) }), 30_000);
    const leader = await eventually(async () => (await jsm.consumers.info('EVENTS', DURABLE.durable)).cluster?.leader);
    const url = cluster.urls[(cluster.names.indexOf(leader) + offset) % cluster.names.length]!;
    const connection = await Connection.open({ servers: [url], name: 'test' });
    const arrived: number[] = [];
    const pull: PinnedPull = new PinnedPull(
      connection,
      DURABLE.stream,
      DURABLE.durable,
      {
        capacity: () => 100,
        deliver: (delivery) => {
          if (!arrived.includes(delivery.sequence)) arrived.push(delivery.sequence);
          delivery.ack();
        },
        ...{ gone: () => undefined, returned: () => undefined, trouble: () => undefined },
        ...{ refused: () => undefined, served: () => undefined },
      },
      {
        taken: () => void resetDurable(connection, DURABLE).then(() => pull.found()),
        ...{ absent: () => undefined, lost: () => undefined, isBusy: () => true },
      },
    );
    try {
      pull.start();
      let published = 0;
      let renewals = 0;
      const renewing = setInterval(() => {
        if (!pull.pin.isHeld) return;
        renewals++;
        pull.renew();
      }, RENEW_MS);
      for (const end = performance.now() + LOAD_MS; performance.now() < end; await sleep(3)) {
        await Promise.all([1, 2, 3].map(() => nats.jetstream().publish('video.watched', '{}')));
        published += 3;
      }
      clearInterval(renewing);
      await eventually(() => arrived.length === published, 30_000);
      expect(renewals).toBeGreaterThan(5);
      expect(arrived).toEqual(Array.from({ length: published }, (_, i) => i + 1));
    } finally {
      await pull.stop();
      await pull.pin.release();
      await connection.close();
    }
  },
  120_000,
);
