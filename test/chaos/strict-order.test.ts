import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { allSettled } from '../support/durables';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { bucketIsFilled } from '../support/stored';
import { percentile } from './ledger';
import { SteadyLoad } from './load';
import { between, count, report, seconds } from './proof';

const HANDLERS = 4;
const KEYS = 30;
const ROUNDS = count(6, 30);
const PER_SECOND = count(200, 600);
const HOSTS = 3;
/** Longer than the server keeps the pin of a host that is frozen. */
const FROZEN_MS = 6_000;
/** A handler may have handled its last event before a change so long before the test notes the change. */
const BEFORE_MS = 200;

/** Keeps of each key the last number, how many there were, and how often one was not the next. */
function ordered(handler: number, folder: string): string {
  return pluginSource(
    `Ordered${handler}Plugin`,
    `  private readonly file = openSync(${JSON.stringify(folder)} + '/' + process.pid + '.${handler}', 'a');
  constructor(private readonly states: Store<{ last: number; count: number; wrong: number }>) {}
  @Subscribe('video.ordered${handler}', { from: 'beginning', key: 'user', concurrency: 16 })
  async handle(event: any, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    await this.states.update(event.user, ({ last, count, wrong } = { last: -1, count: 0, wrong: 0 }) => ({
      last: event.n,
      count: count + 1,
      wrong: wrong + (event.n === last + 1 ? 0 : 1),
    }));
    writeSync(this.file, Date.now() + '\\n');
  }`,
    { before: `import { openSync, writeSync } from 'node:fs';\n` },
  );
}

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string[];
let times: string;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  times = scene.folder();
  const files = Array.from({ length: HANDLERS }, (_, i) => [`ordered${i}.plugin.ts`, ordered(i, times)]);
  plugins = [scene.folder(Object.fromEntries(files) as Record<string, string>)];
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> => scene.host({ server, plugins, flags: ['--no-watch'] });

type Change = 'join' | 'leave' | 'kill' | 'freeze';

test('hosts join, leave, die and freeze under load: the events of each key are handled in order, each once', async () => {
  const hosts = await Promise.all(Array.from({ length: HOSTS }, start));
  const load = new SteadyLoad(nats, 'ordered', PER_SECOND, (n) => ({
    subject: `video.ordered${n % HANDLERS}`,
    event: { user: `u${Math.floor(n / HANDLERS) % KEYS}`, n: Math.floor(n / HANDLERS / KEYS) },
  }));
  await sleep(3_000);
  const changes: { change: Change; atMs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const victim = Math.floor(round / 3) % HOSTS;
    const change = (['kill', 'leave', 'freeze'] as const)[round % 3]!;
    changes.push({ change, atMs: Date.now() });
    if (change === 'freeze') {
      hosts[victim]!.freeze();
      await sleep(FROZEN_MS);
      hosts[victim]!.thaw();
    } else {
      if (change === 'kill') await hosts[victim]!.kill();
      else expect(await hosts[victim]!.stop()).toBe(0);
      await sleep(between(2_000, 5_000));
      hosts[victim] = await start();
      changes.push({ change: 'join', atMs: Date.now() });
    }
    await sleep(between(3_000, 6_000));
  }
  const published = await load.end();
  await allSettled(await nats.jetstreamManager(), ['EVENTS'], 120_000);

  let events = 0;
  for (let handler = 0; handler < HANDLERS; handler++) {
    await bucketIsFilled(nats, `ordered${handler}`);
    const bucket = await nats.jetstream().views.kv(`jetplug-ordered${handler}`, { bindOnly: true });
    for (let user = 0; user < KEYS; user++) {
      const state: { last: number; count: number; wrong: number } = (await bucket.get(`u${user}`))!.json();
      expect({ handler, user, ...state }).toMatchObject({ wrong: 0, last: state.count - 1 });
      events += state.count;
    }
  }
  expect(events).toBe(published);
  report(
    'strict-order',
    `${ROUNDS} rounds, ${published} events, 0 out of order by key; longest pause after ${pausesText(changes)}`,
  );
});

/**
 * The longest pause of a handler after each kind of change. A pause belongs to the last change before its begin, because
 * the next change may come before its end.
 */
function pausesText(changes: readonly { change: Change; atMs: number }[]): string {
  const handled = Array.from({ length: HANDLERS }, (_, i) => timesOf(i));
  const pauses = changes.map(({ change, atMs }, i) => {
    const endMs = changes[i + 1]?.atMs ?? Infinity;
    return { change, ms: Math.max(...handled.map((all) => longestPause(all, atMs - BEFORE_MS, endMs - BEFORE_MS))) };
  });
  return (['join', 'leave', 'kill', 'freeze'] as const)
    .map((kind) => {
      const all = pauses.filter(({ change }) => change === kind).map(({ ms }) => ms);
      return `${kind} p50 ${seconds(percentile(all, 0.5))}, most ${seconds(Math.max(...all))}`;
    })
    .join('; ');
}

function timesOf(handler: number): number[] {
  const files = readdirSync(times).filter((name) => name.endsWith(`.${handler}`));
  const lines = files.flatMap((name) => readFileSync(join(times, name), 'utf8').split('\n').filter(Boolean));
  return lines.map(Number).sort((a, b) => a - b);
}

/** The longest time between two handled events of which the first one is in the span. */
function longestPause(all: readonly number[], fromMs: number, toMs: number): number {
  const pauses = all.slice(1).map((atMs, i) => (all[i]! >= fromMs && all[i]! < toMs ? atMs - all[i]! : 0));
  return pauses.reduce((longest, ms) => Math.max(longest, ms), 0);
}
