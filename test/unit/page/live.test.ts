import type { Overview } from '../../../host/page/api';
import { JobFeed } from '../../../host/page/job-feed';
import { EventStream } from '../../../host/page/live/event-stream';
import { LagTrend } from '../../../host/page/live/lag-trend';
import { LetterArrivals } from '../../../host/page/live/letter-arrivals';
import { LiveFeed } from '../../../host/page/live/live-feed';
import { livePlugins } from '../../../host/page/live/rates';
import { RunSamples } from '../../../host/page/live/run-samples';
import type { Connection } from '../../../host/nats/connection';
import type { LiveRun } from '../../../host/records/runs/live-runs';
import { RecordingLog } from '../../../host/testing/recording-log';
import { VirtualTime } from '../../../host/testing/virtual-time';
import type { HandlerStatus, PluginStatus } from '../../../host/ops/status';

const plugin = (handler: Partial<HandlerStatus>): PluginStatus => ({
  ...{ plugin: 'badge', file: 'badge.plugin.ts', state: 'running', reloads: [], faults: { lateErrors: 0, blocks: 0 } },
  handlers: [
    {
      ...{ handler: 'award', subject: 's', stream: 'EVENTS', durable: 'badge-award', state: 'running' },
      ...{ handled: 0, failed: 0, retried: 0, deadLettered: 0, conflicts: 0, circuit: 'closed' },
      ...handler,
    },
  ],
});

describe('rates', () => {
  const read = (atMs: number, handler: Partial<HandlerStatus>) => ({ atMs, plugins: [plugin(handler)] });
  const rates = (now: ReturnType<typeof read>, before?: ReturnType<typeof read>) =>
    livePlugins(now, before)[0]!.handlers[0]!;

  test('are the differences of two readings in a second', () => {
    const boundsS = [0.001, 0.01, 0.1];
    const before = read(1_000, { handled: 10, failed: 1, runTimes: { boundsS, counts: [5, 5, 0, 0] } });
    const now = read(3_000, { handled: 110, failed: 5, runTimes: { boundsS, counts: [5, 104, 1, 0] } });
    expect(rates(now, before)).toMatchObject({ handledPerS: 50, failedPerS: 2, p99Ms: 10 });
    expect(rates(now, before)).not.toHaveProperty('runTimes');
  });

  test('are absent in the first reading, and after a host has started anew', () => {
    expect(rates(read(1_000, { handled: 10 }))).not.toHaveProperty('handledPerS');
    expect(rates(read(2_000, { handled: 3 }), read(1_000, { handled: 10 }))).not.toHaveProperty('handledPerS');
  });

  test('have no percentile beyond the last bound, or without a call', () => {
    const times = (...counts: number[]) => ({ runTimes: { boundsS: [0.001], counts } });
    expect(rates(read(2_000, times(0, 3)), read(1_000, times(0, 0)))).not.toHaveProperty('p99Ms');
    expect(rates(read(2_000, times(1, 3)), read(1_000, times(1, 3)))).not.toHaveProperty('p99Ms');
  });
});

test('a handler falls behind if its lag has grown over 30 s', () => {
  const trend = new LagTrend();
  const note = (nowMs: number, lagMs: number) => [...trend.note([plugin({ lagMs })], nowMs)];
  expect(note(0, 70_000)).toEqual([]);
  expect(note(15_000, 90_000)).toEqual([]);
  expect(note(30_000, 100_000)).toEqual(['badge.award']);
  expect(note(45_000, 60_000)).toEqual([]);
});

test('arrivals are counted once ten minutes were seen', () => {
  const arrivals = new LetterArrivals();
  const note = (minute: number, lastSequence: number, lastAtMinute = minute) =>
    arrivals.note({ messages: 5, lastSequence, lastAtMs: lastAtMinute * 60_000 }, minute * 60_000);
  expect(note(0, 5, -20)).toEqual({ areRecent: false });
  expect(note(1, 8)).toEqual({ areRecent: true });
  expect(note(10, 12)).toEqual({ areRecent: true, arrived: 7 });
  expect(note(25, 12, 10)).toEqual({ areRecent: false });
});

test('a sample has at most 20 runs, and leaves failed runs out last', () => {
  const samples = new RunSamples();
  const run = (outcome: LiveRun['outcome']) => ({ outcome }) as LiveRun;
  samples.add({ host: 'a', runs: Array.from({ length: 25 }, () => run('handled')), left: 2 });
  samples.add({ host: 'a', runs: [run('failed')], left: 0 });
  const { runs = [], left } = samples.take() ?? {};
  expect([runs.length, runs.filter(({ outcome }) => outcome === 'failed').length, left]).toEqual([20, 1, 8]);
  expect(samples.take()).toBeUndefined();
});

test('a client that does not read is dropped', () => {
  const response = { writableLength: 5 * 1024 * 1024, write: jest.fn(), destroy: jest.fn(), end: jest.fn() };
  new EventStream(response).send('data');
  expect(response.destroy).toHaveBeenCalled();
  expect(response.write).not.toHaveBeenCalled();
});

describe('the live feed', () => {
  let time: VirtualTime;
  let reads: number;
  let connected: boolean;
  let subscriptions: number;
  let jobs: JobFeed;
  let feed: LiveFeed;
  let sent: string[];

  beforeEach(() => {
    time = new VirtualTime(0);
    [reads, connected, subscriptions, sent, jobs] = [0, true, 0, [], new JobFeed()];
    const nc = { subscribe: () => (subscriptions++, { unsubscribe: () => subscriptions-- }), publish: () => undefined };
    const connection = {
      nc,
      newInbox: () => '_INBOX.1',
      get connected() {
        return connected;
      },
    } as unknown as Connection;
    const collector = { overview: () => Promise.resolve({ at: String(++reads) } as Overview) };
    feed = new LiveFeed({ connection, collector, jobs, log: new RecordingLog(), time });
  });

  /** Moves the time from timer to timer, and runs the promises that each timer has resolved. */
  async function advance(ms: number): Promise<void> {
    const untilMs = time.nowMs() + ms;
    for (let more = true; more; more = time.step(untilMs, true)) await new Promise((resolve) => setImmediate(resolve));
  }

  const stream = () =>
    ({ send: (text: string) => void sent.push(text), end: () => void sent.push('end') }) as EventStream;

  test('reads each second for all pages together, and only while one is open', async () => {
    const close = [feed.add(stream()), feed.add(stream())];
    await advance(3_000);
    const before = reads;
    expect(before).toBeGreaterThanOrEqual(3);
    expect(before).toBeLessThanOrEqual(4);
    expect(sent.filter((text) => text.startsWith('event: overview')).length).toBe(2 * before);
    close.forEach((end) => end());
    await advance(5_000);
    expect([reads, subscriptions]).toEqual([before, 0]);
  });

  test('tells once that the broker is away, and continues when it is back', async () => {
    const close = feed.add(stream());
    await advance(1_500);
    connected = false;
    await advance(5_000);
    expect(sent.filter((text) => text.startsWith('event: away'))).toHaveLength(1);
    connected = true;
    sent = [];
    await advance(2_000);
    expect(sent.some((text) => text.startsWith('event: overview'))).toBe(true);
    close();
  });

  test('passes jobs on, and sends a heartbeat each 15 s', async () => {
    const close = feed.add(stream());
    jobs.announce({ id: 'j1' } as never);
    await advance(15_000);
    expect(sent).toEqual(expect.arrayContaining(['event: job\ndata: {"id":"j1"}\n\n', ':\n\n']));
    close();
  });

  test('has room for 50 pages, and ends all when it stops', () => {
    const closes = Array.from({ length: 50 }, () => feed.add(stream()));
    expect(feed.hasRoom).toBe(false);
    closes[0]!();
    expect(feed.hasRoom).toBe(true);
    feed.stop();
    expect(sent.filter((text) => text === 'end')).toHaveLength(49);
    expect(subscriptions).toBe(0);
  });
});
