import { setTimeout as sleep } from 'node:timers/promises';
import { RequestStrategy, type NatsConnection } from 'nats';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

const USERS = 4;
/** Hosts compare the durables every 5 s. */
const TWO_CHECKS_MS = 11_000;
/** After this time without any use, a host takes a durable back. */
const TAKES_BACK_MS = 90_000;

/** A handler that appends the number of each event to a list of its own, for each user. */
const handler = (name: string, options = '', list = name, contract = 'Watched'): string => `
  @Subscribe(${contract}, { from: 'beginning'${options} })
  async ${name}(event: ${contract}, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await this.lists.update('${list}-' + event.user, (all = []) => [...all, event.n]);
    context.log.info('handled', { by: '${name}' });
  }
`;
const plugin = (contract: string, movedTo: string, handlers: readonly string[]): string =>
  pluginSource('WatchPlugin', `  constructor(private readonly lists: Store<number[]>) {}\n${handlers.join('')}`, {
    before: `class Watched extends defineEvent('video.watched', ${contract}) {}
class Moved extends defineEvent('${movedTo}', z.object({ user: z.string(), n: z.number() })) {}`,
  });
/** The subject of the handler `moves` in each version. */
const MOVES = { 1: 'video.started', 2: 'video.begun' } as const;
const WAITS = 'a host with another version of the plugin has set up durable';
const KEY = `, key: 'user'`;

const VERSION_1 = plugin(`z.object({ user: z.string(), n: z.number() })`, MOVES[1], [
  handler('keyed', KEY),
  handler('shared'),
  handler('gains'),
  handler('loses', KEY),
  handler('former', '', 'renamed'),
  handler('moves', '', 'moves', 'Moved'),
]);
const VERSION_2 = plugin(
  `z.object({ user: z.string(), n: z.number(), plan: z.string() }), { upcast: (old: any) => ({ ...old, plan: 'free' }) }`,
  MOVES[2],
  [
    handler('keyed', KEY),
    handler('shared'),
    handler('gains', KEY),
    handler('loses'),
    handler('renamed', `, renamedFrom: 'former'`),
    handler('moves', '', 'moves', 'Moved'),
    handler('added'),
  ],
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
});
afterAll(() => scene.end());

let published = 0;
let moved: (typeof MOVES)[1 | 2] = MOVES[1];
/** Publishes as many events on the subject of most handlers, and on the present one of the handler `moves`. */
async function publish(count: number): Promise<void> {
  for (const end = published + count; published < end; published++) {
    const event = { user: `u${published % USERS}`, n: published, ...(published % 3 === 0 && { plan: 'paid' }) };
    await nats.jetstream().publish('video.watched', JSON.stringify(event));
    await nats.jetstream().publish(moved, JSON.stringify(event));
  }
}

interface Shown {
  readonly version: string;
  readonly handlers: readonly { handler: string; waitsFor?: string; reason?: string; activeOn: readonly string[] }[];
}

/** Asks the host that runs this version of the plugin for the status of the handlers. Only the second one has the handler `added`. */
async function shownBy(version: 1 | 2): Promise<Shown['handlers']> {
  const options = { maxWait: 1_500, strategy: RequestStrategy.Timer };
  for await (const answer of await nats.requestMany('jetplug.plugins', '', options)) {
    const [shown] = answer.json<Shown[]>();
    const hasAdded = shown?.handlers.some(({ handler }) => handler === 'added');
    if (hasAdded === (version === 2)) return shown!.handlers;
  }
  throw new Error(`no host runs version ${version}`);
}

const reasonOf = (handlers: Shown['handlers'], name: string): string | undefined =>
  handlers.find((one) => one.handler === name)?.reason;

test('two versions of a plugin run side by side: nothing is lost or handled twice, and no host undoes what another set', async () => {
  const older = await scene.host({ server, plugins: [scene.folder({ 'watch.plugin.ts': VERSION_1 })] });
  await publish(100);
  await eventually(() => older.logged('handled').length > 100, 20_000);

  const changes: string[] = [];
  nats.subscribe('$JS.EVENT.ADVISORY.API', {
    callback: (_error, message) => {
      const { subject } = message.json<{ subject: string }>();
      if (/CONSUMER\.(CREATE|DELETE)\.EVENTS\.watch-/.test(subject)) changes.push(subject);
    },
  });
  const newer = await scene.host({ server, plugins: [scene.folder({ 'watch.plugin.ts': VERSION_2 })] });
  moved = MOVES[2];
  await publish(100);
  await eventually(async () => {
    await publish(4);
    const handlers = await shownBy(1);
    expect(reasonOf(handlers, 'gains')).toContain(
      `${WAITS} watch-gains on stream EVENTS: priority_policy: pinned_client → none`,
    );
    expect(reasonOf(handlers, 'loses')).toContain(
      `${WAITS} watch-loses on stream EVENTS: priority_policy: none → pinned_client`,
    );
    for (const name of ['gains', 'loses', 'moves'])
      expect([name, handlers.find((one) => one.handler === name)?.activeOn]).toEqual([name, []]);
    expect(reasonOf(handlers, 'moves')).toMatch(new RegExp(`${WAITS} watch-moves on stream EVENTS: .*video.begun → `));
    return handlers;
  }, 30_000);
  const shown = await eventually(() => shownBy(2));
  expect(shown.map(({ reason }) => reason)).toEqual(Array(7).fill(undefined));

  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  const before = changes.length;
  for (const end = performance.now() + TWO_CHECKS_MS; performance.now() < end; await sleep(200)) await publish(4);
  expect(changes.slice(before)).toEqual([]);

  // The newer version is withdrawn: the older one takes all of its handlers back.
  expect(await newer.stop()).toBe(0);
  moved = MOVES[1];
  await publish(20);
  await eventually(async () => {
    await publish(4);
    const handlers = await shownBy(1);
    expect(handlers.map(({ reason }) => reason)).toEqual(Array(6).fill(undefined));
    return true;
  }, TAKES_BACK_MS);
  // No host of the older version has the added handler.
  const jsm = await nats.jetstreamManager();
  await eventually(async () => {
    for await (const { name, num_pending, num_ack_pending } of jsm.consumers.list('EVENTS')) {
      if (name !== 'watch-added') expect([name, num_pending + num_ack_pending]).toEqual([name, 0]);
    }
    return true;
  }, 60_000);

  const lists = (await readStore(nats, 'watch')) as Record<string, number[]>;
  for (let user = 0; user < USERS; user++) {
    const all = Array.from({ length: published / USERS }, (_, i) => i * USERS + user);
    expect(lists[`keyed-u${user}`]).toEqual(all);
    for (const name of ['shared', 'gains', 'loses', 'renamed', 'moves']) {
      expect([name, [...lists[`${name}-u${user}`]!].sort((a, b) => a - b)]).toEqual([name, all]);
    }
  }
  expect((await jsm.streams.info('DEAD')).state.messages).toBe(0);
}, 240_000);
