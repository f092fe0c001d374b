import { createServer, type Server } from 'node:http';
import { existsSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { JetStreamManager } from 'nats';
import { jetplug } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';
import { handled } from '../support/story';
import { count, report } from '../chaos/proof';

const WATCHES = count(200, 2_000);
const OTHERS = ['analytics', 'badge', 'notification', 'ranking', 'user-preferences'];

const scene = new Scene();
let refusing: Server;
let fixed: string;
beforeAll(async () => {
  fixed = join(scene.folder(), 'fixed');
  // The recommendation plugin rejects the events that this service refuses.
  refusing = createServer((request, response) => {
    request.resume();
    response.statusCode = existsSync(fixed) ? 200 : 422;
    response.end(JSON.stringify({ video_ids: [] }));
  });
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await scene.end();
  refusing.closeAllConnections();
  await new Promise((resolve) => refusing.close(resolve));
});

/** Counts before it fails, twice for each event. */
const failing = (): string =>
  pluginSource(
    'FailingPlugin',
    `  constructor(private readonly counts: Store<number>) {}
  @Subscribe({ from: 'beginning', retry: { attempts: 2, backoff: ['50ms'] } })
  async work(event: VideoWatchStarted) {
    await this.counts.update(event.user_id, (n = 0) => n + 1);
    await this.counts.update('all', (n = 0) => n + 1);
    if (!existsSync('${fixed}')) throw new Error('not fixed');
  }`,
    { before: `import { existsSync } from 'node:fs';\n` },
  );

test('dead letters of two plugins are redriven: the other five get nothing, and earlier counts are not repeated', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const jsm = await nats.jetstreamManager();
  const mlUrl = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/`;
  const config = {
    // A high limit for the circuit, so that each failing event is dead-lettered instead of waiting.
    delivery: { circuit: { messages: 1_000_000 } },
    plugins: { recommendation: { settings: { mlUrl } } },
  };
  const plugins = [STORY_PLUGINS, scene.folder({ 'failing.plugin.ts': failing() })];
  const host = await scene.host({ server, plugins, config, flags: ['--no-watch'] });
  const js = nats.jetstream();
  const watch = (n: number): string => JSON.stringify({ user_id: `u${n}`, video_id: `v${n % 20}` });
  await Promise.all(Array.from({ length: WATCHES }, (_, n) => js.publish('video.watch_started', watch(n))));
  const letters = await eventually(async () => {
    const { state } = await jsm.streams.info('DEAD');
    return state.messages === 2 * WATCHES && storedLetters(nats);
  }, 60_000);
  expect(new Set(letters.map(({ header }) => header.get('x-plugin')))).toEqual(new Set(['failing', 'recommendation']));
  await allSettled(jsm, ['EVENTS']);
  const before = await traces(jsm);

  writeFileSync(fixed, '');
  const { code, stderr } = await jetplug(['dead', 'redrive', '--all', '--servers', server.url]);
  expect([code, stderr]).toEqual([0, '']);
  await eventually(async () => (await jsm.streams.info('DEAD')).state.messages === 0, 60_000);

  expect(await traces(jsm)).toEqual(before);
  const users = Object.fromEntries(Array.from({ length: WATCHES }, (_, n) => [`u${n}`, 1]));
  expect(await readStore(nats, 'failing')).toEqual({ ...users, all: WATCHES });
  expect(await handled(host)).toMatchObject({ 'failing.work': WATCHES, 'recommendation.learn': WATCHES });
  report(
    'redrive',
    `${letters.length} dead letters of 2 plugins redriven, each handled and counted once; ` +
      `the ${OTHERS.length} other plugins got no delivery and wrote nothing`,
  );
});

/** The traces that every run leaves: the deliveries of the durables, and the number of writes to the store. */
async function traces(jsm: JetStreamManager): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {};
  for (const plugin of OTHERS) {
    const { state } = await jsm.streams.info(`KV_jetplug-${plugin}`);
    found[plugin] = [state.last_seq];
  }
  for await (const { name, delivered } of jsm.consumers.list('EVENTS')) {
    const plugin = OTHERS.find((other) => name.startsWith(`${other}-`));
    if (plugin !== undefined) found[plugin]!.push(delivered.consumer_seq);
  }
  return found;
}
