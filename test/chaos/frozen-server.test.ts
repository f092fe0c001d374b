import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';
import { SteadyLoad } from './load';
import { count, report, seconds } from './proof';

const FROZEN_MS = count(25_000, 60_000);
/** The maximal time until consumption continues after the fault has ended. */
const LONGEST_GAP_MS = 30_000;
const PER_SECOND = 20;

const SEEN = pluginSource(
  'SeenPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.tick', { from: 'beginning' })
  async see(event: any, context: EventContext) {
    await this.counts.update('key.' + event.n, (n = 0) => n + 1);
    context.log.info('seen', { n: event.n, sequence: context.sequence });
  }`,
);

const scene = new Scene();
afterAll(() => scene.end());

test('a server freezes, dies, or loses a durable: consumption continues soon after each fault has ended', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const jsm = await nats.jetstreamManager();
  const plugins = [scene.folder({ 'seen.plugin.ts': SEEN })];
  const host = await scene.host({
    server,
    plugins,
    config: { delivery: { ackWait: '3s' } },
    flags: ['--no-watch'],
  });
  const seen = (): number[] => host.logged('seen').map(({ n }) => Number(n));
  /** The time until an event that is published now is handled. */
  const gapMs = async (): Promise<number> => {
    const backAtMs = performance.now();
    const { state } = await eventually(() => jsm.streams.info('EVENTS'), LONGEST_GAP_MS);
    await eventually(
      () => host.logged('seen').some(({ sequence }) => Number(sequence) > state.last_seq),
      LONGEST_GAP_MS,
    );
    return performance.now() - backAtMs;
  };
  const load = new SteadyLoad(nats, 'tick', PER_SECOND, (n) => ({ subject: 'video.tick', event: { n } }));
  await eventually(() => seen().length > PER_SECOND);

  server.freeze();
  await sleep(FROZEN_MS);
  const before = seen().length;
  server.thaw();
  const thawedMs = await gapMs();
  expect(seen().length).toBeGreaterThan(before);

  await server.kill();
  await server.restart();
  const restartedMs = await gapMs();

  await eventually(() => jsm.consumers.delete('EVENTS', 'seen-see'));
  const remadeMs = await gapMs();
  expect(host.logged('the durable consumer is gone; making it again')).toHaveLength(1);

  for (const gap of [thawedMs, restartedMs, remadeMs]) expect(gap).toBeLessThan(LONGEST_GAP_MS);
  const sent = await load.end();
  const once = Object.fromEntries(Array.from({ length: sent }, (_, n) => [`key.${n}`, 1]));
  await eventually(async () => expect(await readStore(nats, 'seen')).toEqual(once) === undefined, LONGEST_GAP_MS);
  report(
    'frozen-server',
    `consumption went on ${seconds(thawedMs)} after a freeze of ${seconds(FROZEN_MS)}, ` +
      `${seconds(restartedMs)} after a kill and restart, ${seconds(remadeMs)} after its durable was deleted; ` +
      `${sent} events, each counted once`,
  );
});
