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
import { SteadyLoad } from './load';
import { between, count, report, seconds } from './proof';

const HANDLERS = 4;
const KEYS = 30;
const ROUNDS = count(6, 30);
const PER_SECOND = count(200, 600);
const HOSTS = 3;
/** Longer than the server keeps the pin of a host that is frozen. */
const FROZEN_MS = 6_000;

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
  report('strict-order', `${ROUNDS} rounds, ${published} events, 0 out of order by key; ${gapsText(changes)}`);
});

/** The longest time in which a handler has handled nothing, after each kind of change. */
function gapsText(changes: readonly { change: Change; atMs: number }[]): string {
  const handled = Array.from({ length: HANDLERS }, (_, i) => timesOf(i));
  return (['join', 'leave', 'kill', 'freeze'] as const)
    .map((kind) => {
      const gaps = changes
        .filter(({ change }) => change === kind)
        .map(({ atMs }) => Math.max(...handled.map((all) => longestGap(all, atMs, atMs + 8_000))))
        .sort((a, b) => a - b);
      if (gaps.length === 0) return `${kind}: none`;
      return `longest pause at ${kind} p50 ${seconds(gaps[gaps.length >> 1]!)}, most ${seconds(gaps.at(-1)!)}`;
    })
    .join('; ');
}

function timesOf(handler: number): number[] {
  const files = readdirSync(times).filter((name) => name.endsWith(`.${handler}`));
  const lines = files.flatMap((name) => readFileSync(join(times, name), 'utf8').split('\n').filter(Boolean));
  return lines.map(Number).sort((a, b) => a - b);
}

function longestGap(all: readonly number[], fromMs: number, toMs: number): number {
  let longest = 0;
  let before = fromMs;
  for (const atMs of all) {
    if (atMs < fromMs) continue;
    longest = Math.max(longest, Math.min(atMs, toMs) - before);
    before = atMs;
    if (atMs >= toMs) break;
  }
  return longest;
}
