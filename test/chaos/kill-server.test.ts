import { setTimeout as sleep } from 'node:timers/promises';
import { Scene } from '../support/scene';
import { proveEffectsOnce } from './nothing-lost';
import { Platform } from './platform';
import { between, count } from './proof';

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
  await proveEffectsOnce('kill-server', `${KILLS} kills`, platform, load);
  expect(await host.stop()).toBe(0);
});
