import { setTimeout as sleep } from 'node:timers/promises';
import { Scene } from '../support/scene';
import { expectEffectsOnce } from './nothing-lost';
import { Platform } from './platform';
import { between, count, report, seconds } from './proof';

const KILLS = count(20, 100);

const scene = new Scene();
afterAll(() => scene.end());

test('a host is killed repeatedly under load: every event has its effects once', async () => {
  const { platform, host: first } = await Platform.open(scene);
  let host = first;
  const load = platform.load();
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(between(300, 2_500));
    await host.kill();
    host = await platform.start();
  }
  const sent = await load.end();
  const endedMs = performance.now();
  const deliveries = await platform.settled();
  const drainedMs = performance.now() - endedMs;
  const { causes, emitted, keys } = await expectEffectsOnce(platform.nats, sent);
  report(
    'kill-host',
    `${KILLS} kills, ${causes} events, ${deliveries} deliveries, ${emitted} events emitted once each, ` +
      `${keys} keys as in the reference, no dead letter; drained ${seconds(drainedMs)} after the load`,
  );
});
