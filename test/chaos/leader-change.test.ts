/** A cluster of three servers, with its streams on all of them: leaders step down and die under load. Takes some minutes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { connectEventBus, type ConnectedEventBus } from '../../host/client';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestCluster } from '../support/nats-cluster';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const COUNTING = pluginSource(
  'CountingPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { concurrency: 8 })
  async count(event: any, context: EventContext) {
    await this.counts.update('total', (n = 0) => n + 1);
    await this.counts.update('tick.' + event.n, (n = 0) => n + 1);
    await this.events.publish('badge.ticked', { n: event.n });
    context.log.info('counted', { n: event.n });
  }`,
);
const PAUSE_MS = 10;
const CALM_MS = 3_000;
const SETTLED_MS = 60_000;

const scene = new Scene();
let cluster: TestCluster;
let nats: NatsConnection;
let jsm: JetStreamManager;
let bus: ConnectedEventBus;
let host: TestHost;
let published = 0;

beforeAll(async () => {
  cluster = await scene.cluster();
  nats = await scene.client(...cluster.urls);
  jsm = await nats.jetstreamManager();
  host = await scene.host({
    server: { url: cluster.urls[0]! },
    flags: ['--servers', ...cluster.urls],
    plugins: [scene.folder({ 'counting.plugin.ts': COUNTING })],
    config: { streams: [{ name: 'EVENTS', subjects: ['video.>', 'badge.>'], replicas: 3 }] },
  });
  bus = await connectEventBus({ servers: cluster.urls });
}, 60_000);
afterAll(async () => {
  await bus.close();
  await scene.end();
});

test('the leaders of stream and consumer step down under load: nothing is lost, nothing counts twice', async () => {
  const load = new Load();
  await sleep(CALM_MS);
  await stepDown('STREAM.LEADER.STEPDOWN.EVENTS');
  await sleep(CALM_MS);
  await stepDown('CONSUMER.LEADER.STEPDOWN.EVENTS.counting-count');
  await sleep(CALM_MS);
  await stepDown('STREAM.LEADER.STEPDOWN.KV_jetplug-counting');
  await sleep(CALM_MS);
  await load.end('leaders stepped down');
}, 120_000);

test('the server that leads the stream is killed under load: nothing is lost, nothing counts twice, and consumption continues', async () => {
  const load = new Load();
  await sleep(CALM_MS);
  const { cluster: placed } = await jsm.streams.info('EVENTS');
  await cluster.kill(placed!.leader!);
  await sleep(5 * CALM_MS);
  cluster.restart(placed!.leader!);
  await sleep(CALM_MS);
  await load.end(`the stream's leader ${placed!.leader} was killed`);
}, 180_000);

test('the server that leads the consumer is killed under load: nothing is lost, nothing counts twice, and consumption continues', async () => {
  const load = new Load();
  await sleep(CALM_MS);
  const leader = await eventually(async () => (await jsm.consumers.info('EVENTS', 'counting-count')).cluster?.leader);
  await cluster.kill(leader);
  await sleep(5 * CALM_MS);
  cluster.restart(leader);
  await sleep(CALM_MS);
  await load.end(`the consumer's leader ${leader} was killed`);
}, 180_000);

async function stepDown(request: string): Promise<void> {
  const answer = (await nats.request(`$JS.API.${request}`, '', { timeout: 5_000 })).json<{ error?: object }>();
  expect(answer.error).toBeUndefined();
}

/** Publishes all the time, like a program that awaits each answer. */
class Load {
  private running = true;
  private readonly firstLine = host.logged('counted').length;
  private longestAnswerMs = 0;
  private readonly done = this.run();

  async end(what: string): Promise<void> {
    this.running = false;
    await this.done;
    await eventually(async () => (await total()) === published, SETTLED_MS);
    console.log(
      `${what}: ${published} events so far; the longest gap in consumption was ${gapSeconds(this.firstLine)} s, the longest wait for an answer ${(this.longestAnswerMs / 1_000).toFixed(1)} s`,
    );
    await eventually(async () => (await unsettled()) === 0, SETTLED_MS);
    expect(await total()).toBe(published);
    // A stream without a leader is not a deleted stream.
    expect(host.logged('stream lost with its messages; creating it again')).toEqual([]);
    const { state } = await jsm.streams.info('EVENTS', { subjects_filter: '>' });
    expect(state.subjects).toEqual({ 'video.tick': published, 'badge.ticked': published });
  }

  private async run(): Promise<void> {
    while (this.running) {
      const sentAtMs = performance.now();
      await bus.publish('video.tick', { n: published });
      published++;
      this.longestAnswerMs = Math.max(this.longestAnswerMs, performance.now() - sentAtMs);
      await sleep(PAUSE_MS);
    }
  }
}

/** The longest time between two counted events. */
function gapSeconds(firstLine: number): string {
  const times = host
    .logged('counted')
    .slice(firstLine)
    .map(({ time }) => Date.parse(time));
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  return (Math.max(...gaps) / 1_000).toFixed(1);
}

async function total(): Promise<number> {
  const bucket = await nats.jetstream().views.kv('jetplug-counting', { bindOnly: true });
  return (await bucket.get('total'))?.json<number>() ?? 0;
}

async function unsettled(): Promise<number> {
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'counting-count');
  return num_pending + num_ack_pending;
}
