import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { JetStreamManager } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { Scene } from '../support/scene';
import { FULL } from './proof';

const ROUNDS = FULL ? 20 : 8;
const AT_A_TIME = 4;
/** Hosts compare everything with the server every 5 s, so that any undoing of each other shows within two checks. */
const QUIET_MS = 11_000;
const DAY_NS = 86_400e9;

const PLUGIN = `
import { defineEvent, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';
class Seen extends defineEvent('seen.page', z.object({ user: z.string() })) {}
@Plugin({ name: 'seen' })
export class SeenPlugin {
  constructor(private readonly counts: Store<number>) {}
  @Subscribe({ from: 'beginning' })
  async count({ user }: Seen) {
    await this.counts.update(user, (n = 0) => n + 1);
  }
}
`;

const CONFIGS = [
  { days: 3, ackWaitS: 20 },
  { days: 5, ackWaitS: 25 },
];

const configOf = ({ days, ackWaitS }: (typeof CONFIGS)[number]): object => ({
  streams: [{ name: 'SEEN', subjects: ['seen.>'], maxAge: `${days}d` }],
  delivery: { ackWait: `${ackWaitS}s` },
  deadLetters: { maxAge: `${days}d` },
});

/** The settings on the server that the config decides. */
async function settings(jsm: JetStreamManager): Promise<{ days: number; ackWaitS: number }[]> {
  const days = await Promise.all(
    ['SEEN', 'DEAD'].map(async (name) => (await jsm.streams.info(name)).config.max_age / DAY_NS),
  );
  const ackWaitS = (await jsm.consumers.info('SEEN', 'seen-count')).config.ack_wait! / 1e9;
  return days.map((each) => ({ days: each, ackWaitS }));
}

async function isWaiting(host: TestHost): Promise<boolean> {
  return (await (await fetch(`${host.url}/metrics`)).text()).includes('jetplug_config_outdated 1');
}

/** Starts two hosts with different configs at once. Returns the index of the config that won. */
async function round(): Promise<number> {
  const scene = new Scene();
  try {
    const server = await scene.server();
    const client = await scene.client(server.url);
    const jsm = await client.jetstreamManager();
    const plugins = [scene.folder({ 'seen.plugin.ts': PLUGIN })];
    const hosts = await Promise.all(CONFIGS.map((config) => scene.host({ server, plugins, config: configOf(config) })));
    const waiting = await eventually(async () => {
      const waits = await Promise.all(hosts.map(isWaiting));
      return waits[0] !== waits[1] && waits;
    }, 30_000);
    const winner = waiting.indexOf(false);
    const wanted = [CONFIGS[winner]!, CONFIGS[winner]!];
    await eventually(async () => isDeepStrictEqual(await settings(jsm), wanted), 30_000);

    const updates: string[] = [];
    const advisories = client.subscribe('$JS.EVENT.ADVISORY.STREAM.UPDATED.>', {
      callback: (_error, { subject }) => void updates.push(subject),
    });
    for (let n = 0; n < 50; n++) client.publish('seen.page', JSON.stringify({ user: `u${n % 5}` }));
    await sleep(QUIET_MS);
    advisories.unsubscribe();
    expect(updates).toEqual([]);
    expect(await settings(jsm)).toEqual(wanted);
    expect(await Promise.all(hosts.map(isWaiting))).toEqual(waiting);
    // Both handle events.
    const { num_pending: pending, num_ack_pending: inFlight } = await jsm.consumers.info('SEEN', 'seen-count');
    expect([pending, inFlight]).toEqual([0, 0]);
    expect(hosts[1 - winner]!.logged(WAITS)).toHaveLength(1);
    expect(hosts[winner]!.logged(WAITS)).toHaveLength(0);

    // The other one decides at its next start when the winner is gone.
    await Promise.all(hosts.map((host) => host.stop()));
    const other = CONFIGS[1 - winner]!;
    await scene.host({ server, plugins, config: configOf(other) });
    expect(await settings(jsm)).toEqual([other, other]);
    return winner;
  } finally {
    await scene.end();
  }
}

const WAITS =
  'another host has a newer configuration; this host handles events and leaves the settings of streams and durables as they are';

test('of two hosts with different configs that start together one decides, and the other waits visibly', async () => {
  const winners: number[] = [];
  for (let first = 0; first < ROUNDS; first += AT_A_TIME) {
    winners.push(...(await Promise.all(Array.from({ length: AT_A_TIME }, round))));
  }
  expect(winners).toHaveLength(ROUNDS);
  console.log(`of ${ROUNDS} starts the first config won ${winners.filter((winner) => winner === 0).length}`);
}, 600_000);
