/** The behaviours of a commit log that a log in memory shares with one on a server. */
import { Conflict } from '../../host/records/key-value';
import type { CommitLog, LoggedCommit } from '../../host/records/commits/commit-log';
import { JetStreamLog } from '../../host/nats/commit-log';
import type { Connection } from '../../host/nats/connection';
import { logSubject } from '../../host/nats/wanted-streams';
import { MemoryCommitLog } from '../../host/testing/memory-commit-log';
import { eventually } from '../support/eventually';
import { Scene } from '../support/scene';

const MIB = 1024 * 1024;

interface OpenedLog {
  readonly log: CommitLog;
  /** Has another program put a message into the log. */
  put(text: string): Promise<void>;
}
interface LogLimits {
  readonly above?: number;
  readonly maxBytes?: number;
}
type Open = (limits?: LogLimits) => Promise<OpenedLog>;

const scene = new Scene();
let connection: Connection;
let nats: Awaited<ReturnType<Scene['client']>>;
let plugins = 0;

beforeAll(async () => {
  const server = await scene.server();
  connection = await scene.connection(server);
  nats = await scene.client(server.url);
});
afterAll(() => scene.end());

const OPEN: Readonly<Record<string, Open>> = {
  memory: async (limits) => {
    const log = new MemoryCommitLog('shop', limits);
    return { log, put: async (text) => void log.put(text) };
  },
  server: async ({ above, maxBytes = -1 } = {}) => {
    const plugin = `shop-${++plugins}`;
    const store = { maxBytes: -1, historyMs: 1e9, logMaxBytes: maxBytes };
    const config = { deploy: { name: 'jetplug', allowDataLoss: false }, streams: [], store };
    const log = await JetStreamLog.open(connection, plugin, config, above);
    return {
      log,
      put: async (text) => {
        await nats.jetstream().publish(logSubject(plugin), text);
      },
    };
  },
};

function onBoth(behaviour: string, check: (open: Open) => Promise<void>): void {
  for (const [place, open] of Object.entries(OPEN)) test(`${behaviour} (${place})`, () => check(open));
}

onBoth('a new log is empty, and its commits count from 1', async (open) => {
  const { log } = await open();
  expect(await log.bounds()).toMatchObject({ first: 1, last: 0 });
  expect(await log.readAfter(0)).toEqual([]);
  expect(await append(log, ['a', 'b', 'ж'])).toEqual([1, 2, 3]);
  expect(await log.bounds()).toMatchObject({ first: 1, last: 3 });
  expect(await log.readAfter(1)).toMatchObject([
    { position: 2, text: 'b' },
    { position: 3, text: 'ж' },
  ]);
  expect(await log.readAfter(3)).toEqual([]);
  expect(await log.readAfter(100)).toEqual([]);
});

onBoth('a log that is created above a position counts from the next one', async (open) => {
  const { log } = await open({ above: 41 });
  expect(await log.bounds()).toMatchObject({ first: 42, last: 41 });
  await expect(log.append('a', 0)).rejects.toThrow(Conflict);
  expect(await log.append('a', 41)).toBe(42);
  expect(await log.readAfter(0)).toMatchObject([{ position: 42, text: 'a' }]);
});

onBoth('an append behind another position than the last is refused and leaves nothing', async (open) => {
  const { log } = await open();
  await append(log, ['a', 'b']);
  for (const expected of [0, 1, 3]) await expect(log.append('c', expected)).rejects.toThrow(Conflict);
  expect(await texts(log)).toEqual(['a', 'b']);
  expect(await log.append('c', 2)).toBe(3);
});

onBoth('of several appends behind one position exactly one succeeds', async (open) => {
  const { log } = await open();
  const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => log.append(`try ${i}`, 0)));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const each of tries) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(Conflict);
  expect(await log.bounds()).toMatchObject({ first: 1, last: 1 });
});

onBoth('many commits are read in order, in several pages', async (open) => {
  const { log } = await open();
  const wanted = Array.from({ length: 2_500 }, (_, i) => `commit ${i}`);
  await append(log, wanted);
  const pages = await readAll(log);
  expect(pages.length).toBeGreaterThan(1);
  expect(pages.flat()).toMatchObject(wanted.map((text, i) => ({ position: i + 1, text })));
});

onBoth('large commits, of more than 8 MiB together, are read in order', async (open) => {
  const { log } = await open();
  const wanted = Array.from({ length: 12 }, (_, i) => `${i} ${'x'.repeat(0.9 * MIB)}`);
  await append(log, wanted);
  expect((await readAll(log)).flat().map(({ text }) => text)).toEqual(wanted);
});

onBoth('removed commits are gone, and the positions go on where they were', async (open) => {
  const { log } = await open();
  await append(log, ['a', 'b', 'c']);
  await log.removeUpTo(2);
  expect(await log.bounds()).toMatchObject({ first: 3, last: 3 });
  expect(await log.readAfter(0)).toMatchObject([{ position: 3, text: 'c' }]);
  await log.removeUpTo(3);
  expect(await log.bounds()).toMatchObject({ first: 4, last: 3 });
  expect(await log.readAfter(0)).toEqual([]);
  expect(await log.append('d', 3)).toBe(4);
});

onBoth('a removal of nothing, of what is gone, or beyond the end moves neither end', async (open) => {
  const { log } = await open();
  await log.removeUpTo(0);
  await log.removeUpTo(10);
  expect(await log.bounds()).toMatchObject({ first: 1, last: 0 });
  await append(log, ['a', 'b', 'c']);
  await log.removeUpTo(0);
  expect(await log.bounds()).toMatchObject({ first: 1, last: 3 });
  await log.removeUpTo(2);
  await log.removeUpTo(1);
  await log.removeUpTo(0);
  expect(await log.bounds()).toMatchObject({ first: 3, last: 3 });
  await log.removeUpTo(10);
  expect(await log.bounds()).toMatchObject({ first: 4, last: 3 });
});

onBoth('the log says when a commit was stored, also when the newest one was that is gone', async (open) => {
  const { log } = await open();
  expect(await log.bounds()).toEqual(expect.not.objectContaining({ lastAtMs: expect.anything() }));
  const before = Date.now();
  await append(log, ['a']);
  const stored = Date.now();
  await eventually(() => Date.now() > stored + 1);
  await append(log, ['b']);
  const [a, b] = (await log.readAfter(0)).map(({ storedAtMs }) => storedAtMs!);
  expect(before <= a! && a! < b! && b! <= Date.now()).toBe(true);
  expect(await log.bounds()).toMatchObject({ firstAtMs: a, lastAtMs: b });
  expect([await log.firstSince(a! + 1), await log.firstSince(b! + 1)]).toEqual([2, undefined]);
  await log.removeUpTo(2);
  const { firstAtMs, lastAtMs } = await log.bounds();
  expect([firstAtMs, lastAtMs]).toEqual([undefined, b]);
});

onBoth('a follower receives the commits that are appended, until it leaves', async (open) => {
  const { log } = await open();
  const seen: LoggedCommit[] = [];
  const leave = log.follow((commit) => seen.push(commit));
  await append(log, ['a', 'b']);
  await eventually(() => seen.length === 2);
  expect(seen).toEqual([
    { position: 1, text: 'a' },
    { position: 2, text: 'b' },
  ]);
  leave();
  const others: LoggedCommit[] = [];
  log.follow((commit) => others.push(commit));
  await log.append('c', 2);
  await eventually(() => others.length === 1);
  expect(seen).toHaveLength(2);
});

onBoth('a full log refuses commits and keeps those that it has, until some are removed', async (open) => {
  const { log } = await open({ maxBytes: 64 * 1024 });
  let last = 0;
  const fill = async (): Promise<void> => {
    for (;;) last = await log.append('x'.repeat(10_000), last);
  };
  await expect(fill()).rejects.toMatchObject({ code: 'JP_STORE_FULL' });
  expect(last).toBeGreaterThan(3);
  expect(await log.bounds()).toMatchObject({ first: 1, last });
  await log.removeUpTo(2);
  expect(await log.append('y', last)).toBe(last + 1);
});

onBoth('a commit that is too large is refused, and the next one is appended', async (open) => {
  const { log } = await open();
  await expect(log.append('x'.repeat(2 * MIB), 0)).rejects.toMatchObject({ code: 'JP_STORE_VALUE_INVALID' });
  expect(await log.append('a', 0)).toBe(1);
});

onBoth('a message of another program has a position, and is read as it is', async (open) => {
  const { log, put } = await open();
  const seen: LoggedCommit[] = [];
  log.follow((commit) => seen.push(commit));
  await append(log, ['a']);
  await put('garbage');
  await expect(log.append('b', 1)).rejects.toThrow(Conflict);
  expect(await log.append('b', 2)).toBe(3);
  expect(await texts(log)).toEqual(['a', 'garbage', 'b']);
  await eventually(() => seen.length === 3);
  expect(seen[1]).toEqual({ position: 2, text: 'garbage' });
});

/** Appends the texts to a log that is new, or whose last position is given, and returns their positions. */
async function append(log: CommitLog, all: readonly string[]): Promise<number[]> {
  const positions: number[] = [];
  let { last } = await log.bounds();
  for (const text of all) positions.push((last = await log.append(text, last)));
  return positions;
}

async function readAll(log: CommitLog): Promise<(readonly LoggedCommit[])[]> {
  const pages: (readonly LoggedCommit[])[] = [];
  for (;;) {
    const page = await log.readAfter(pages.at(-1)?.at(-1)?.position ?? 0);
    if (page.length === 0) return pages;
    pages.push(page);
  }
}

async function texts(log: CommitLog): Promise<string[]> {
  return (await readAll(log)).flat().map(({ text }) => text);
}
