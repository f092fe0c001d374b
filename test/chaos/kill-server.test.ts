import { setTimeout as sleep } from 'node:timers/promises';
import { Scene } from '../support/scene';
import { expectEffectsOnce } from './nothing-lost';
import { Platform } from './platform';
import { between, count, report, seconds } from './proof';

const KILLS = count(5, 20);

const scene = new Scene();
afterAll(() => scene.end());

test('a server is killed repeatedly under load, with its publishers and its host: every event has its effects once', async () => {
  const { platform, host } = await Platform.open(scene);
  const load = platform.load();
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(between(2_000, 5_000));
    await platform.server.kill();
    await sleep(between(0, 1_500));
    await platform.server.restart();
  }
  await sleep(2_000);
  const sent = await load.end();
  const endedMs = performance.now();
  const deliveries = await platform.settled();
  const drainedMs = performance.now() - endedMs;
  const { causes, emitted, keys } = await expectEffectsOnce(platform.nats, sent);
  expect(await host.stop()).toBe(0);
  report(
    'kill-server',
    `${KILLS} kills, ${causes} events, ${deliveries} deliveries, ${emitted} events emitted once each, ` +
      `${keys} keys as in the reference, no dead letter; drained ${seconds(drainedMs)} after the load`,
  );
});
