import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const EVENTS = 2_000;
/** A checkpoint has the events whose emits may not be sent yet, and the values of other programs: here, none. */
const MAX_CHECKPOINT_BYTES = 1_024;
const MAX_RECORD_BYTES = 2_048;
/** Each of the 2,500 events that a host may have in flight can leave a gap, which takes some 10 bytes. */
const MAX_RECORD_BYTES_IN_FLIGHT = 32_768;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
/** How many events were published that must be counted. */
let ticks = 0;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const source = pluginSource(
    'HotPlugin',
    `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.tick', { from: 'beginning', concurrency: 16 })
  async count(event: any) {
    await this.counts.update('total', (n = 0) => n + 1);
    if (event.later) throw new RetryLater('10m');
  }`,
  );
  await scene.host({
    server,
    plugins: [scene.folder({ 'hot.plugin.ts': source })],
    config: { delivery: { ackWait: '1s' } },
  });
});
afterAll(() => scene.end());

test('on one hot key at full speed the checkpoint and the settled set stay small', async () => {
  const sizes = await watched(async () => {
    await publish(EVENTS);
    await eventually(allCounted, 60_000);
  });
  report('one hot key', sizes);
}, 90_000);

test('they stay small with an event that waits for 10 minutes', async () => {
  const sizes = await watched(async () => {
    await publish(1, { later: true });
    // A run that postpones its event changes nothing.
    ticks--;
    await publish(EVENTS);
    await eventually(allCounted, 60_000);
    const durable = await eventually(() => jsm.consumers.info('RETRY', 'hot--count'));
    expect(durable.num_pending + durable.num_ack_pending).toBe(1);
  });
  report('a RetryLater outstanding', sizes);
}, 90_000);

test('they stay small after a server has lost its last acks', async () => {
  const sizes = await watched(async () => {
    for (let kill = 0; kill < 3; kill++) {
      const before = await deliveries();
      await publish(EVENTS / 4);
      // During the acks: messages that were acknowledged in the last moments are redelivered.
      await eventually(async () => (await deliveries()) > before + 50);
      await server.kill();
      await server.restart();
      // Events that are published before this client has reconnected are lost.
      await eventually(deliveries);
      await publish(EVENTS / 4);
      await eventually(allCounted, 60_000);
    }
  });
  const { delivered } = await jsm.consumers.info('EVENTS', 'hot-count');
  report(`a server killed three times (${delivered.consumer_seq} deliveries of ${ticks})`, sizes);
  expect(await storedLetters(nats)).toEqual([]);
}, 120_000);

interface Sizes {
  checkpoint: number;
  settled: number;
  samples: number;
}

/** Measures while the work runs. Resolves with the largest sizes and the sizes in the end. */
async function watched(work: () => Promise<void>): Promise<{ most: Sizes; last: Sizes }> {
  const most: Sizes = { checkpoint: 0, settled: 0, samples: 0 };
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      // The server may be down.
      const now = await measure().catch(() => undefined);
      if (!now) continue;
      most.checkpoint = Math.max(most.checkpoint, now.checkpoint);
      most.settled = Math.max(most.settled, now.settled);
      most.samples++;
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await watching;
  }
  return { most, last: await measure() };
}

async function measure(): Promise<Sizes> {
  const checkpoint = await lastOf('KV_jetplug-hot', '$KV.jetplug-hot.=checkpoint');
  const records = await Promise.all(
    ['hot-count', 'hot--count'].map((durable) => lastOf('KV_jetplug', `$KV.jetplug.settled.${durable}`)),
  );
  return {
    checkpoint: checkpoint?.data.length ?? 0,
    settled: Math.max(...records.map((record) => record?.data.length ?? 0)),
    samples: 1,
  };
}

async function lastOf(stream: string, subject: string) {
  try {
    return await jsm.streams.getMessage(stream, { last_by_subj: subject });
  } catch (error) {
    if ((error as { code?: string }).code === '404') return undefined;
    throw error;
  }
}

function report(situation: string, { most, last }: { most: Sizes; last: Sizes }): void {
  const line = (sizes: Sizes): string => `checkpoint ${sizes.checkpoint} B, settled set ${sizes.settled} B`;
  console.log(`${situation}: at most ${line(most)}, in the end ${line(last)} (${most.samples} samples)`);
  expect(most.samples).toBeGreaterThan(5);
  expect(Math.max(most.checkpoint, last.checkpoint)).toBeLessThan(MAX_CHECKPOINT_BYTES);
  expect(most.settled).toBeLessThan(MAX_RECORD_BYTES_IN_FLIGHT);
  expect(last.settled).toBeLessThan(MAX_RECORD_BYTES);
}

/** Publishes ticks, with events for other handlers between them. */
async function publish(count: number, event: object = {}): Promise<void> {
  const js = nats.jetstream();
  for (let sent = 0; sent < count; sent += 100) {
    const batch = Array.from({ length: Math.min(100, count - sent) }, (_, i) => i);
    await Promise.all(
      batch.flatMap((i) => [
        js.publish('video.tick', JSON.stringify(event)),
        ...(i % 3 === 0 ? [js.publish('video.noise', '{}')] : []),
      ]),
    );
  }
  ticks += count;
}

async function deliveries(): Promise<number> {
  return (await jsm.consumers.info('EVENTS', 'hot-count')).delivered.consumer_seq;
}

async function allCounted(): Promise<boolean> {
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'hot-count');
  const total = await lastOf('KV_jetplug-hot', '$KV.jetplug-hot.total');
  return num_pending + num_ack_pending === 0 && total?.json<number>() === ticks;
}
