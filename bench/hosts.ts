/**
 * Measures one, two and three hosts on one server: their start, their idle cost and the spread of handlers in order, with
 * 500 plugins, and the rate of handlers that wait for something:
 *   node dist/bench/hosts.js --plugins 500 --events 40000 --hosts 1,2,3 --idle 20
 * It prints one line of JSON for each measurement. All processes share the machine's processors.
 */
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Connection } from '../host/nats/connection';
import { askHosts } from '../host/nats/service';
import type { PluginStatus } from '../host/ops/status';
import { Ground, STREAM } from './core/ground';
import { host, type HostOptions } from './core/host';
import type { Worker } from './core/worker';

const DEFAULTS = {
  plugins: { type: 'string', default: '500' },
  events: { type: 'string', default: '40000' },
  /** How many hosts there are, one measurement after the other. */
  hosts: { type: 'string', default: '1,2,3' },
  /** The idle time in seconds, and the rest before it: a host gives up a handler in order that is idle for 15 s. */
  idle: { type: 'string', default: '20' },
} as const;
const LONGEST_SPREAD_MS = 60_000;
const LONGEST_DRAIN_MS = 300_000;
const POLL_MS = 50;
/** The work of the rates: the plugin, the concurrency, and the number of plugins. */
const RATES = [
  { name: '5 ms, concurrency 8', plugin: 'wait', copies: 1, section: { concurrency: 8 } },
  { name: '5 ms, concurrency 64', plugin: 'wait', copies: 1, section: { concurrency: 64 } },
  { name: '1 ms, in order, 1 handler', plugin: 'keyed', copies: 1 },
  { name: '1 ms, in order, 3 handlers', plugin: 'keyed', copies: 3 },
  { name: 'store, many keys', plugin: 'store-many', copies: 1 },
  { name: 'store, many keys, 1 ms', plugin: 'store-await', copies: 1 },
  { name: 'store, one key', plugin: 'store-one', copies: 1 },
] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: DEFAULTS });
  const [copies, events, idleMs] = [Number(values.plugins), Number(values.events), 1_000 * Number(values.idle)];
  const counts = values.hosts.split(',').map(Number);
  const say = (what: string): void => void process.stderr.write(`${what}\n`);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  const ground = await Ground.open({ syncInterval: '2m', events, signal: stop.signal, say, warn: say });
  try {
    for (const plugin of ['count', 'keyed']) {
      for (const hosts of counts) print(await many(ground, { plugin, copies }, hosts, idleMs));
    }
    for (const { name, ...options } of RATES) {
      for (const hosts of counts) print({ work: name, ...(await rate(ground, options, hosts, events)) });
    }
  } finally {
    await ground.close();
  }
}

function print(figures: object): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Starts the hosts at the same time, and measures their start, the spread of their handlers, and their idle time. */
async function many(ground: Ground, options: HostOptions, hosts: number, idleMs: number): Promise<object> {
  await emptied(ground);
  return withHosts(ground, options, hosts, 1_000, async (workers) => {
    const startS = Math.max(...workers.map(({ tookMs }) => tookMs)) / 1_000;
    const spread = options.plugin === 'keyed' ? await spreading(ground, hosts) : {};
    await sleep(idleMs, undefined, { signal: ground.signal });
    const before = await readAll(workers);
    await sleep(idleMs, undefined, { signal: ground.signal });
    const after = await readAll(workers);
    return {
      ...{ plugin: options.plugin, plugins: options.copies, hosts, startS: round(startS), ...spread },
      idleCpuPercent: after.map(({ cpuMs }, i) => round((100 * (cpuMs - before[i]!.cpuMs)) / idleMs)),
      rssMb: after.map(({ rssMb }) => round(rssMb)),
    };
  });
}

/** Publishes for all handlers, until each host runs its share of them. */
async function spreading(ground: Ground, hosts: number): Promise<{ spreadAfterS: number; held: number[] }> {
  const connection = await Connection.open({ servers: [ground.url], name: 'bench' });
  try {
    const beganMs = performance.now();
    for (let held: number[] = []; ; await sleep(POLL_MS)) {
      await ground.publish(1);
      const answers = await askHosts<PluginStatus[]>(connection, 'plugins');
      held = answers.map((plugins) => plugins.filter(isHeld).length).sort((a, b) => a - b);
      const isSpread = held.length === hosts && held.at(-1)! - held[0]! <= 1 && held[0]! > 0;
      const tookMs = performance.now() - beganMs;
      if (isSpread || tookMs > LONGEST_SPREAD_MS) return { spreadAfterS: round(tookMs / 1_000), held };
    }
  } finally {
    await connection.close();
  }
}

function isHeld({ handlers }: PluginStatus): boolean {
  return handlers.some(({ activeOn = [] }) => activeOn.length > 0);
}

/** Publishes the events, and measures from then on how fast the hosts handle the rest. */
async function rate(ground: Ground, options: HostOptions, hosts: number, events: number): Promise<object> {
  await emptied(ground);
  const { copies = 1 } = options;
  return withHosts(ground, options, hosts, events, async (workers) => {
    await ground.publish(events);
    const beganMs = performance.now();
    const [before, begun] = await Promise.all([readAll(workers), settled(ground, copies * events)]);
    // The last events do not count, because some hosts have none left then.
    const end = begun + 0.9 * (copies * events - begun);
    let now = begun;
    while (now < end) {
      await sleep(POLL_MS, undefined, { signal: ground.signal });
      now = await settled(ground, copies * events);
      if (performance.now() - beganMs > LONGEST_DRAIN_MS) throw new Error(`only ${now} events were handled`);
    }
    const tookMs = performance.now() - beganMs;
    const after = await readAll(workers);
    await ground.checkSettled(copies, events);
    return {
      hosts,
      perSecond: Math.round((1_000 * (now - begun)) / tookMs),
      measuredOn: now - begun,
      handledBy: after.map(({ handled }, i) => handled - before[i]!.handled),
      cpuPercent: after.map(({ cpuMs }, i) => round((100 * (cpuMs - before[i]!.cpuMs)) / tookMs)),
    };
  });
}

async function settled(ground: Ground, deliveries: number): Promise<number> {
  const durables = await ground.jsm.consumers.list(STREAM).next();
  return durables.reduce((left, { num_pending, num_ack_pending }) => left - num_pending - num_ack_pending, deliveries);
}

async function withHosts<T>(
  ground: Ground,
  options: HostOptions,
  hosts: number,
  events: number,
  use: (workers: readonly Worker[]) => Promise<T>,
): Promise<T> {
  const { url, signal } = ground;
  const starting = Array.from({ length: hosts }, async (_, i) => {
    const folder = join(ground.folder, `host${i}`);
    await mkdir(folder, { recursive: true });
    return host(options)({ folder, url, signal }, { events });
  });
  const started = await Promise.allSettled(starting);
  const workers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return await use(workers);
  } finally {
    await Promise.all(workers.map(({ process }) => process.stop()));
  }
}

function readAll(workers: readonly Worker[]): Promise<Awaited<ReturnType<Worker['process']['read']>>[]> {
  return Promise.all(workers.map(({ process }) => process.read()));
}

/** Removes everything of the last hosts. */
async function emptied(ground: Ground): Promise<void> {
  await ground.clearAll();
  await ground.makeStream();
}

const round = (value: number): number => Number(value.toPrecision(3));

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
