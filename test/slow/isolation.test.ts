import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { isAlive } from '../support/is-alive';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore, readStream } from '../support/stored';

/** The faults that an event may cause in the process that handles it. */
const FAULTS = {
  loop: 'for (;;);',
  heap: 'const all: unknown[] = []; for (;;) all.push(new Array(1000).fill(all.length));',
  buffers: 'const all: Buffer[] = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1));',
  exit: 'process.exit(7);',
  kill: "process.kill(process.pid, 'SIGKILL');",
  rejection: "void Promise.reject(new Error('nobody catches this'));",
  timer: "setTimeout(() => { throw new Error('thrown later'); }, 1);",
};
type Fault = keyof typeof FAULTS;

const scene = new Scene();
/** An event causes its fault once, while this folder has no file with the fault's name. */
const marks = scene.folder();

const ISOLATED = pluginSource(
  'IsolatedPlugin',
  `  constructor(private readonly seen: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.blocking', { from: 'beginning', timeout: '1s' })
  async block(event: any) {
    await this.handle(event);
  }
  @Subscribe('video.isolated', { from: 'beginning', concurrency: 4 })
  async handle(event: any) {
    if (event.does && isFirst(event.does)) {
      faults[event.does]!();
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await this.seen.update('k' + event.n, (n = 0) => n + 1);
    if (event.n % 10 === 0) await this.events.publish('badge.seen', { n: event.n });
  }`,
  {
    options: "{ isolation: 'process' }",
    before: `
import { existsSync, writeFileSync } from 'node:fs';
const faults: Record<string, () => void> = {
${Object.entries(FAULTS)
  .map(([name, code]) => `  ${name}: () => { ${code} },`)
  .join('\n')}
};
function isFirst(name: string): boolean {
  const file = '${marks}/' + name;
  if (existsSync(file)) return false;
  writeFileSync(file, String(process.pid));
  return true;
}`,
  },
);
const INLINE = pluginSource(
  'InlinePlugin',
  `  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.*', { from: 'beginning', concurrency: 4 })
  async handle(event: any) {
    await this.seen.update('k' + event.n, (n = 0) => n + 1);
  }`,
);
const ROLLED_BACK = 'a plugin’s new version failed at everything; the one before is back';
const ENDED = 'plugin process ended; restarting it';

let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let host: TestHost;
let folder: string;
let published = 0;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  folder = scene.folder({ 'isolated.plugin.ts': ISOLATED, 'inline.plugin.ts': INLINE });
  host = await scene.host({
    server,
    plugins: [folder],
    config: {
      plugins: { isolated: { heapLimit: '48 MiB', memoryLimit: '220 MiB' } },
      // The previous version and its process are kept for this time.
      delivery: { rollback: { within: '4s' } },
    },
  });
});
afterAll(() => scene.end());

test('an isolated plugin counts, publishes and settles like an inline one, in a process of its own', async () => {
  publish(50);
  await allCountOnce();
  const emitted = (await readStream(nats, 'EVENTS')).filter(({ subject }) => subject === 'badge.seen');
  expect(emitted.map((event) => event.json<{ n: number }>().n).sort((a, b) => a - b)).toEqual([0, 10, 20, 30, 40]);
  const { processes, state } = await statusOf('isolated');
  expect(state).toBe('running');
  expect(processes).toMatchObject([{ state: 'running', restarts: 0 }]);
  expect(processes![0]!.pid).not.toBe(host.pid);
  expect((await statusOf('inline')).processes).toBeUndefined();
});

const WHYS: [Fault, RegExp][] = [
  ['loop', /blocked, with block past its timeout of 1000 ms \(SIGKILL\)/],
  ['heap', /its objects reached the heap limit of 48 MiB \(SIGABRT\)/],
  ['buffers', /its memory reached the limit of 220 MiB \(SIGKILL\)/],
  ['exit', /ended: exit code 7$/],
  ['kill', /ended: SIGKILL$/],
  ['rejection', /uncaught Error: nobody catches this at .*isolated\.plugin\.ts:\d+:\d+/],
  ['timer', /uncaught Error: thrown later at .*isolated\.plugin\.ts:\d+:\d+/],
];
const costsItsProcessAlone = async (does: Fault, why: RegExp): Promise<void> => {
  const before = host.logged(ENDED).length;
  publish(20);
  publish(1, { does }, does === 'loop' ? 'video.blocking' : 'video.isolated');
  publish(20);
  await allCountOnce();
  const ends = host.logged(ENDED).slice(before);
  expect(ends.map(messageOf)).toEqual([expect.stringMatching(why)]);
  expect(ends[0]).toMatchObject({ plugin: 'isolated', code: 'JP_PLUGIN_PROCESS_ENDED' });
  expect(await storedLetters(nats)).toEqual([]);
};

test.each(WHYS.slice(0, 4))(
  '%s in a handler costs its process alone: it starts again, and every event counts once',
  costsItsProcessAlone,
);

test('an edit replaces the process: the old one ends, and the new one continues the count', async () => {
  const [before] = (await statusOf('isolated')).processes!;
  writeFileSync(join(folder, 'isolated.plugin.ts'), `${ISOLATED}\n// edited`);
  publish(100);
  await eventually(async () => (await statusOf('isolated')).processes?.[0]?.pid !== before!.pid);
  publish(100);
  await allCountOnce();
  await eventually(() => !isAlive(before!.pid!));
});

test.each(WHYS.slice(4))(
  '%s in a handler costs its process alone: it starts again, and every event counts once',
  costsItsProcessAlone,
);

test('a plugin that cannot be loaded in its process is reported with its place, and the previous version runs on', async () => {
  const [before] = (await statusOf('isolated')).processes!;
  writeFileSync(join(folder, 'isolated.plugin.ts'), `${ISOLATED}\nthrow new Error('not today');`);
  await eventually(async () => (await statusOf('isolated')).error?.code === 'JP_PLUGIN_LOAD_FAILED');
  expect((await statusOf('isolated')).error).toMatchObject({
    message: 'Error: not today',
    file: join(folder, 'isolated.plugin.ts'),
    line: ISOLATED.split('\n').length + 1,
  });
  expect((await statusOf('isolated')).processes).toMatchObject([{ pid: before!.pid }]);
  writeFileSync(join(folder, 'isolated.plugin.ts'), ISOLATED);
  await eventually(async () => (await statusOf('isolated')).error === undefined);
});

test('an edit whose process ends under each event is rolled back, and costs no attempt', async () => {
  const file = join(folder, 'isolated.plugin.ts');
  const [before] = (await statusOf('isolated')).processes!;
  writeFileSync(
    file,
    ISOLATED.replace('async handle(event: any) {', 'async handle(event: any) {\n    process.exit(9);'),
  );
  await eventually(async () => (await statusOf('isolated')).processes?.[0]?.pid !== before!.pid);
  publish(20);
  await eventually(() => host.logged(ROLLED_BACK).length === 1, 20_000);
  await allCountOnce();
  expect((await statusOf('isolated')).error?.code).toBe('JP_PLUGIN_ROLLED_BACK');
  expect(await storedLetters(nats)).toEqual([]);
  writeFileSync(file, ISOLATED);
  await eventually(async () => (await statusOf('isolated')).error === undefined);
}, 60_000);

test('a blocked process does not outlive a killed host', async () => {
  const alone = scene.folder({
    'blocked.plugin.ts': pluginSource(
      'BlockedPlugin',
      `  @Subscribe('video.blocked', { timeout: '1h' })
  handle() {
    require('node:fs').writeFileSync('${marks}/blocked', String(process.pid));
    for (;;);
  }`,
      { options: "{ isolation: 'process' }" },
    ),
  });
  const other = await scene.host({ server, plugins: [alone] });
  nats.publish('video.blocked', '{}');
  const file = join(marks, 'blocked');
  await eventually(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
  const pid = Number(readFileSync(file, 'utf8'));
  expect(isAlive(pid)).toBe(true);
  await other.kill();
  await eventually(() => !isAlive(pid));
});

test('a stopping host lets its processes stop their plugins, and leaves none behind', async () => {
  const stopping = scene.folder({
    'stopping.plugin.ts': pluginSource(
      'StoppingPlugin',
      `  constructor(private readonly log: Logger) {}
  @Subscribe('video.isolated') handle() {}
  onStart() { this.log.info('started in', { pid: process.pid }); }
  onStop() { this.log.info('stopped in', { pid: process.pid }); }`,
      { options: "{ isolation: 'process', processes: 2 }" },
    ),
  });
  const other = await scene.host({ server, plugins: [stopping] });
  const pids = other.logged('started in').map(({ pid }) => pid as number);
  expect(new Set(pids).size).toBe(2);
  expect(await other.stop()).toBe(0);
  expect(
    other
      .logged('stopped in')
      .map(({ pid }) => pid as number)
      .sort(),
  ).toEqual([...pids].sort());
  expect(pids.filter(isAlive)).toEqual([]);
});

function publish(count: number, fields: object = {}, subject = 'video.isolated'): void {
  for (let i = 0; i < count; i++) nats.publish(subject, JSON.stringify({ n: published++, ...fields }));
}

/** Both plugins have counted every event so far once. */
async function allCountOnce(): Promise<void> {
  const expected = Object.fromEntries(Array.from({ length: published }, (_, n) => [`k${n}`, 1]));
  for (const plugin of ['inline', 'isolated']) {
    await eventually(async () => Object.keys(await readStore(nats, plugin)).length === published, 20_000);
    expect(await readStore(nats, plugin)).toEqual(expected);
  }
  await eventually(async () => (await jsm.consumers.info('EVENTS', 'isolated-handle')).num_ack_pending === 0);
}

interface Status {
  readonly plugin: string;
  readonly state: string;
  readonly error?: { code: string };
  readonly processes?: readonly { pid?: number; state: string; restarts: number }[];
}

async function statusOf(plugin: string): Promise<Status> {
  const answer = await nats.request('jetplug.plugins', '', { timeout: 5_000 });
  return answer.json<Status[]>().find((one) => one.plugin === plugin)!;
}

function messageOf(line: LogLine): string {
  return (line['err'] as { message: string }).message;
}
