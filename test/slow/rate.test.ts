import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const RATE = { events: 100, perMs: 500 };
/**
 * A handler sees its own time after its event has begun: by less than 1 ms as a rule, and by a request to the server for
 * a redelivered event. The clock has whole milliseconds. So two events that began a span apart may look this much closer.
 */
const TOLERANCE_MS = 50;
/** Longer than a lease is valid without a renewal, and shorter than another host waits before it takes it. */
const FROZEN_MS = 8_000;

/** Writes the time of each call, at its first statement, to a file of the process. */
function paced(folder: string, options: string): string {
  return pluginSource(
    'PacedPlugin',
    `  private readonly file = openSync(${JSON.stringify(folder)} + '/' + process.pid, 'a');
  @Subscribe('video.paced', { from: 'beginning', rate: { events: 100, per: '500ms' }, concurrency: 64, ${options} })
  async handle(event: any) {
    writeSync(this.file, Date.now() + '\\n');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }`,
    { before: `import { openSync, writeSync } from 'node:fs';\n` },
  );
}

describe.each([
  ['a handler', ''],
  ['a handler with a key', "key: 'user'"],
])('%s with a rate', (_name, options) => {
  const scene = new Scene();
  let server: TestServer;
  let nats: NatsConnection;
  let folder: string;
  let plugins: string[];

  beforeAll(async () => {
    server = await scene.server();
    nats = await scene.client(server.url);
    folder = scene.folder();
    plugins = [scene.folder({ 'paced.plugin.ts': paced(folder, options) })];
  });
  afterAll(() => scene.end());

  const start = (): Promise<TestHost> => scene.host({ server, plugins, flags: ['--no-watch'] });
  const timesOf = (name: string): number[] =>
    readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean).map(Number);
  const begun = (): number[] =>
    readdirSync(folder)
      .flatMap(timesOf)
      .sort((a, b) => a - b);
  const hostsSince = (sinceMs: number): number =>
    readdirSync(folder).filter((name) => timesOf(name).some((at) => at > sinceMs)).length;

  test('keeps its rate over two hosts under ten times the load, and when one stops, dies or freezes', async () => {
    const first = await start();
    const second = await start();
    // 3 s of load at ten times the rate.
    const load = publishPaced(nats, 3_000, 2_000);
    await sleep(4_000);
    expect(hostsSince(0)).toBe(1);
    const leader = begun().length > 0 && timesOf(String(first.pid)).length > 0 ? first : second;
    const other = leader === first ? second : first;
    const stoppedAtMs = Date.now();
    expect(await leader.stop()).toBe(0);
    await eventually(() => begun().some((at) => at > stoppedAtMs + 1_000), 15_000);

    const third = await start();
    const killedAtMs = Date.now();
    await other.kill();
    await eventually(() => begun().some((at) => at > killedAtMs + 1_000), 30_000);

    const fourth = await start();
    third.freeze();
    await sleep(FROZEN_MS);
    third.thaw();
    const thawedAtMs = Date.now();
    await sleep(3_000);
    // A server before 2.14 delivers the events of the frozen host again only after their ack wait.
    await eventually(() => begun().some((at) => at > thawedAtMs + 2_000), 30_000);
    await load;

    const times = begun();
    expect(mostInSpan(times, RATE.perMs - TOLERANCE_MS)).toBe(RATE.events);
    expect(hostsSince(Date.now() - 2_000)).toBe(1);
    for (const host of [third, fourth]) expect(await host.stop()).toBe(0);
    // The limit was reached again and again, and not once.
    expect(times.length).toBeGreaterThan(10 * RATE.events);
    report(times, stoppedAtMs, killedAtMs);
  });
});

/** The greatest number of times in a span of the length. */
function mostInSpan(times: readonly number[], lengthMs: number): number {
  let most = 0;
  for (let from = 0, to = 0; to < times.length; to++) {
    while (times[to]! - times[from]! >= lengthMs) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

async function publishPaced(nats: NatsConnection, forMs: number, perSecond: number): Promise<void> {
  const startedAtMs = performance.now();
  for (let sent = 0; performance.now() - startedAtMs < forMs; await sleep(20)) {
    const due = ((performance.now() - startedAtMs) / 1_000) * perSecond;
    for (; sent < due; sent++) nats.publish('video.paced', JSON.stringify({ user: `u${sent % 50}`, n: sent }));
  }
}

function report(times: readonly number[], stoppedAtMs: number, killedAtMs: number): void {
  const gapAfter = (atMs: number): number =>
    times.find((at) => at > atMs + 500)! - times.findLast((at) => at <= atMs + 500)!;
  process.stdout.write(
    `rate: ${times.length} events; pauses: stop ${gapAfter(stoppedAtMs)} ms, kill ${gapAfter(killedAtMs)} ms\n`,
  );
}
