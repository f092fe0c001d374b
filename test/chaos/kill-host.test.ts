import { setTimeout as sleep } from 'node:timers/promises';
import { Scene } from '../support/scene';
import { proveEffectsOnce } from './nothing-lost';
import { Platform } from './platform';
import { between, count } from './proof';

const KILLS = count(10, 100);

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
  await proveEffectsOnce('kill-host', `${KILLS} kills`, platform, load);
});
