/** Faults that a plugin causes in its process, in the host or in itself: the other plugins lose nothing, and are hardly delayed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';
import { percentile } from './ledger';
import { SteadyLoad } from './load';
import { FULL, report } from './proof';

const PER_SECOND = 200;
const BEFORE_MS = 10_000;
const OTHERS = ['first', 'second'];
/** The time until an event that ends its process each time is dead-lettered. */
const BURIED_MS = 60_000;
const INLINE_MS = 5_000;

/** The faults that an event causes in the process of an isolated plugin, each time. */
const ISOLATED = {
  'an endless loop': 'for (;;);',
  'heap exhaustion': 'const all: unknown[] = []; for (;;) all.push(new Array(1000).fill(all.length));',
  'buffer exhaustion': 'const all: Buffer[] = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1));',
  'process.exit(1)': 'process.exit(1);',
  'SIGKILL to itself': "process.kill(process.pid, 'SIGKILL');",
  'an unhandled rejection': "void Promise.reject(new Error('nobody handles this'));",
  'a throw in a timer': "setTimeout(() => { throw new Error('thrown later'); }, 1);",
};
/** The faults of an inline plugin that the host survives, ten times a second. */
const INLINE = {
  'unhandled rejections': "void Promise.reject(new Error('nobody handles this'));",
  'throws in timers': "setTimeout(() => { throw new Error('thrown later'); }, 1);",
  'error events without a listener': "setImmediate(() => new EventEmitter().emit('error', new Error('unheard')));",
  'throws in its handler': "throw new Error('thrown at once');",
};

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;
let folder: string;
let elsewhere: string;
let requests = 0;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  elsewhere = scene.folder();
  folder = scene.folder(
    Object.fromEntries(OTHERS.map((name) => [`${name}.plugin.ts`, other(`${name[0]!.toUpperCase()}${name.slice(1)}`)])),
  );
  const limits = { heapLimit: '48 MiB', memoryLimit: '220 MiB' };
  host = await scene.host({ server, plugins: [folder], config: { plugins: { faulty: limits } } });
});
afterAll(() => scene.end());

/** Counts each event once, and answers how long each took from its publisher to the handler. */
function other(className: string): string {
  return pluginSource(
    className,
    `  private tookMs: number[] = [];
  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.load', { concurrency: 64 })
  async handle(event: any) {
    this.tookMs.push(performance.timeOrigin + performance.now() - event.sentAtMs);
    await this.seen.update('k' + event.n, (n = 0) => n + 1);
  }
  @Subscribe('video.tell')
  tell(event: any) {
    writeFileSync('${elsewhere}/${className.toLowerCase()}-' + event.n, JSON.stringify(this.tookMs.splice(0)));
  }`,
    { before: `import { writeFileSync } from 'node:fs';` },
  );
}

function faulty(code: string, isolation: string): string {
  return pluginSource(
    'FaultyPlugin',
    `  @Subscribe('video.fault', { concurrency: 4, timeout: '1s', retry: { attempts: 2, backoff: ['100ms'] } })
  async handle() {
    ${code}
    await new Promise((resolve) => setTimeout(resolve, 300));
  }`,
    { options: `{ isolation: '${isolation}' }`, before: `import { EventEmitter } from 'node:events';` },
  );
}

/** The times that the others' events took since the last request. */
async function takeTimes(): Promise<number[]> {
  const n = requests++;
  nats.publish('video.tell', JSON.stringify({ n }));
  const parts = OTHERS.map((name) =>
    eventually(() => JSON.parse(readFileSync(join(elsewhere, `${name}-${n}`), 'utf8')) as number[]),
  );
  return (await Promise.all(parts)).flat();
}

async function contained(what: string, code: string, isolation: string, during: () => Promise<string>): Promise<void> {
  const before = host.logged('a plugin is loaded').length + host.logged('a plugin has a new version').length;
  writeFileSync(join(folder, 'faulty.plugin.ts'), faulty(code, isolation));
  await eventually(
    () => host.logged('a plugin is loaded').length + host.logged('a plugin has a new version').length > before,
  );
  const begun = counted;
  const load = new SteadyLoad(nats, what.replaceAll(/\W/g, '-'), PER_SECOND, (n) => ({
    subject: 'video.load',
    event: { n: begun + n, sentAtMs: performance.timeOrigin + performance.now() },
  }));
  await sleep(1_000);
  await takeTimes();
  await sleep(BEFORE_MS);
  const beforeMs = await takeTimes();
  const happened = await during();
  const duringMs = await takeTimes();
  counted += await load.end();
  for (const plugin of OTHERS) {
    await eventually(async () => Object.keys(await readStore(nats, plugin)).length === counted, 20_000);
    expect(new Set(Object.values(await readStore(nats, plugin)))).toEqual(new Set([1]));
  }
  const [p99Before, p99During] = [percentile(beforeMs, 0.99), percentile(duringMs, 0.99)];
  report(
    `contained, ${isolation}`,
    `${what}: ${happened}; the others lost none of ${OTHERS.length * (counted - begun)} and took p99 ${p99During.toFixed(1)} ms, ` +
      `${(p99During / p99Before).toFixed(2)} times what it was before (${p99Before.toFixed(1)} ms)`,
  );
}
let counted = 0;

test.each(some(ISOLATED, 'an endless loop', 'buffer exhaustion', 'a throw in a timer'))(
  '%s in an isolated plugin',
  async (what, code) => {
    const [letters, ends] = [(await storedLetters(nats)).length, processEnds()];
    await contained(what, code, 'process', async () => {
      nats.publish('video.fault', '{}');
      await eventually(async () => (await storedLetters(nats)).length > letters, BURIED_MS);
      const reason = (await storedLetters(nats)).at(-1)!.header.get('x-dead-letter-reason');
      return `its process ended ${processEnds() - ends} times, then its event was dead-lettered as ${reason}`;
    });
    expect(processEnds() - ends).toBeGreaterThan(0);
  },
);

test.each(some(INLINE, 'unhandled rejections'))('%s in an inline plugin', async (what, code) => {
  await contained(what, code, 'inline', async () => {
    for (let i = 0; i < INLINE_MS / 100; i++) {
      nats.publish('video.fault', '{}');
      await sleep(100);
    }
    return `${INLINE_MS / 100} events did so`;
  });
});

/** All of the faults with --full, else the named ones. */
function some(all: Readonly<Record<string, string>>, ...inCi: string[]): [what: string, code: string][] {
  return Object.entries(all).filter(([what]) => FULL || inCi.includes(what));
}

function processEnds(): number {
  return host.logged('plugin process ended; restarting it').length;
}
