import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';
import { statuses } from '../support/story';

const scene = new Scene();
afterAll(() => scene.end());

/** Appends the numbers of each user in the order in which they are handled. */
const ordered = (name: string): string =>
  pluginSource(
    `${name}Plugin`,
    `  constructor(private readonly numbers: Store<number[]>) {}
  @Subscribe('video.ordered', { from: 'beginning', key: 'user' })
  async handle(event: any) {
    await this.numbers.update(event.user, (all = []) => [...all, event.n]);
  }`,
  );

/** Longer than hosts need to hand over handlers, and than a host waits until it takes one that nobody takes. */
const WATCH_MS = 15_000;

test('plugins that are added to one host before the other run there without a pause, and then on both', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  const before = { 'a.plugin.ts': ordered('A'), 'b.plugin.ts': ordered('B') };
  const folders = [scene.folder(before), scene.folder(before)];
  for (const folder of folders) await scene.host({ server, plugins: [folder] });

  let published = 0;
  const hostsOf = async (): Promise<Record<string, readonly string[]>> => {
    await nats.jetstream().publish('video.ordered', JSON.stringify({ user: `u${published % 3}`, n: published++ }));
    const shown = await statuses({ servers: server.url });
    return Object.fromEntries(shown.map(({ plugin, handlers }) => [plugin, handlers[0]!.activeOn ?? []]));
  };
  const first = await eventually(async () => {
    const hosts = await hostsOf();
    expect(new Set([...hosts['a']!, ...hosts['b']!]).size).toBe(2);
    return hosts;
  }, 20_000);

  const add = (folder: string): void => {
    for (const name of ['Y', 'Z']) writeFileSync(join(folder, `${name.toLowerCase()}.plugin.ts`), ordered(name));
  };
  add(folders[0]!);
  const added = await eventually(async () => {
    const hosts = await hostsOf();
    expect([hosts['y']?.length, hosts['z']?.length]).toEqual([1, 1]);
    return hosts;
  }, 20_000);
  expect(added['y']).toEqual(added['z']);
  for (const end = performance.now() + WATCH_MS; performance.now() < end; await sleep(200))
    expect(await hostsOf()).toEqual({ ...first, y: added['y'], z: added['z'] });

  add(folders[1]!);
  await eventually(async () => {
    const hosts = Object.values(await hostsOf()).flat();
    for (const host of new Set(hosts)) expect(hosts.filter((one) => one === host)).toHaveLength(2);
    return true;
  }, 20_000);

  await allSettled(await nats.jetstreamManager(), ['EVENTS'], 20_000);
  for (const plugin of ['a', 'b', 'y', 'z']) {
    const lists = (await readStore(nats, plugin)) as Record<string, number[]>;
    for (let user = 0; user < 3; user++) {
      const count = Math.ceil((published - user) / 3);
      expect(lists[`u${user}`]).toEqual(Array.from({ length: count }, (_, i) => i * 3 + user));
    }
  }
}, 120_000);
