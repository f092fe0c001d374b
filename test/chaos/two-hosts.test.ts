import { setTimeout as sleep } from 'node:timers/promises';
import type { TestHost } from '../support/host';
import { Scene } from '../support/scene';
import { proveEffectsOnce } from './nothing-lost';
import { Platform } from './platform';
import { between, count, seconds } from './proof';

const KILLS = count(4, 30);
const FREEZES = count(1, 10);
/** Longer than the `delivery.ackWait` of 3 s, so that the frozen host's events go to the other host. */
const FROZEN_MS = 5_000;

const scene = new Scene();
afterAll(() => scene.end());

test('one of two hosts is killed, or frozen until the other has its events, repeatedly: every event has its effects once', async () => {
  const { platform, host } = await Platform.open(scene);
  const hosts: [TestHost, TestHost] = [host, await platform.start()];
  const load = platform.load();
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(between(1_000, 4_000));
    const victim = kill % 2;
    await hosts[victim]!.kill();
    hosts[victim] = await platform.start();
  }
  for (let freeze = 0; freeze < FREEZES; freeze++) {
    await sleep(between(500, 2_000));
    const victim = hosts[freeze % 2]!;
    victim.freeze();
    await sleep(FROZEN_MS);
    victim.thaw();
  }
  await sleep(2_000);
  await proveEffectsOnce('two-hosts', `${KILLS} kills, ${FREEZES} freezes of ${seconds(FROZEN_MS)}`, platform, load);
});
