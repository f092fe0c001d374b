/** A tree of events with a failed run in it, and stored events for searches. */
import type { FoundEvents, KeyHistory, StorePage, StoredEventView, TraceView, TryAnswer } from '../../../host/page/api';
import type { HostRun, TracedEvent, TracedRun } from '../../../host/ops/trace';
import type { LiveRun } from '../../../host/records/runs/live-runs';
import { isoAgo } from './story';

const ROOT = '0192f0a1-7c3e-7d11-9b5e-2f6d1c8a4410';

let sequence = 184_210;

type RunPart = Partial<HostRun> & Pick<HostRun, 'plugin' | 'handler' | 'subject' | 'id'>;

function run(part: RunPart, storedAtMs: number, waitMs: number, ranMs: number): HostRun {
  return {
    host: 'stream-a',
    version: 'd21ec1',
    stream: 'EVENTS',
    sequence,
    storedAtMs,
    root: ROOT,
    attempt: 1,
    startedAtMs: storedAtMs + waitMs,
    ranMs,
    tookMs: ranMs + 1.2,
    outcome: 'handled',
    verdict: 'settled',
    ...part,
  };
}

export function trace(): TraceView {
  const t0 = Date.now() - 95_000;
  const watch = 'video.watch_started';
  const root = { id: ROOT, subject: watch };
  const badge = event('b1', 'badge.awarded', t0 + 9, []);
  const notified = event('n1', 'notification.requested', t0 + 41, []);
  const ranked = event('r1', 'ranking.changed', t0 + 22, []);
  const missing = {
    name: 'TypeError',
    message: "Cannot read properties of undefined (reading 'friends')",
    stack:
      "TypeError: Cannot read properties of undefined (reading 'friends')\n    at NotificationPlugin.notify (/app/plugins/notification.plugin.ts:24:31)",
  };
  const lines = [
    { level: 'debug', message: 'watches of u17: 100' },
    { level: 'info', message: 'badge awarded', fields: { badge: '100-watches', user_id: 'u17' } },
  ];
  const runs: TracedRun[] = [
    of(
      run(
        {
          ...root,
          plugin: 'badge',
          handler: 'award',
          lines,
          writes: ['u17'],
          emits: [{ id: 'b1', subject: 'badge.awarded' }],
        },
        t0,
        2,
        6.4,
      ),
      [badge],
    ),
    of(run({ ...root, plugin: 'analytics', handler: 'count', writes: ['v3', 'minute'] }, t0, 2, 3.1)),
    of(
      run(
        { ...root, plugin: 'ranking', handler: 'count', emits: [{ id: 'r1', subject: 'ranking.changed' }] },
        t0,
        3,
        17,
      ),
      [ranked],
    ),
    of(
      run(
        {
          ...root,
          plugin: 'notification',
          handler: 'notify',
          outcome: 'failed',
          verdict: 'retried',
          delayMs: 20,
          error: missing,
          lines: [{ level: 'warn', message: 'u17 has no entry yet' }],
        },
        t0,
        2,
        8.8,
      ),
    ),
    of(
      run(
        {
          ...root,
          plugin: 'notification',
          handler: 'notify',
          attempt: 2,
          emits: [{ id: 'n1', subject: 'notification.requested' }],
        },
        t0,
        31,
        9.3,
      ),
      [notified],
    ),
  ];
  return {
    trace: {
      root: { ...root, stream: 'EVENTS', sequence, storedAtMs: t0, runs },
      strays: [],
      startedAtMs: t0,
      endedAtMs: t0 + 46,
      isPartial: false,
    },
    payloads: {
      [ROOT]: { user_id: 'u17', video_id: 'v3', timestamp: new Date(t0).toISOString() },
      b1: { user_id: 'u17', badge: '100-watches', count: 100 },
      n1: { user_id: 'u17', video_id: 'v3', recipients: ['u4', 'u9'] },
      r1: { revision: 812, video_ids: ['v3', 'v1', 'v8'] },
    },
  };
}

function event(id: string, subject: string, storedAtMs: number, runs: readonly TracedRun[]): TracedEvent {
  return { id, subject, stream: 'EVENTS', sequence: ++sequence, storedAtMs, runs };
}

function of(record: HostRun, events: readonly TracedEvent[] = []): TracedRun {
  return { record, events };
}

const HANDLERS = [
  ['analytics', 'count'],
  ['badge', 'award'],
  ['ranking', 'count'],
  ['notification', 'notify'],
] as const;

export function liveRuns(count: number): readonly LiveRun[] {
  return Array.from({ length: count }, (_, index) => {
    const [plugin, handler] = HANDLERS[index % HANDLERS.length]!;
    const isFailed = plugin === 'notification' && sequence % 3 === 0;
    const id = `0192f0a1-7c3e-7d11-9b5e-${String(++sequence).padStart(12, '0')}`;
    const part: RunPart = {
      plugin,
      handler,
      subject: 'video.watch_started',
      id,
      ...(isFailed && { outcome: 'failed', verdict: 'retried' }),
    };
    return { ...run(part, Date.now() - 30, 4, 2 + ((sequence * 7) % 13)), about: `u${sequence % 97}` };
  });
}

export function samples(subject: string, limit: number): readonly StoredEventView[] {
  return Array.from({ length: Math.min(limit, 12) }, (_, index) => ({
    id: `0192f0a1-7c3e-7d11-9b5e-${String(184_210 - index).padStart(12, '0')}`,
    subject,
    stream: 'EVENTS',
    sequence: 184_210 - index,
    time: isoAgo(index * 900 + 1500),
    payload: { user_id: `u${(index * 31) % 97}`, video_id: `v${index % 13}`, session: '••••••' },
    headers: {},
  }));
}

export function found(subject: string, limit: number): FoundEvents {
  return { events: samples(subject, limit), complete: false };
}

export function storePage(q: string, cursor: number, limit: number): StorePage {
  const keys = Array.from({ length: 940 }, (_, index) => `u${index + 1}`).filter((key) => key.includes(q));
  const end = cursor + limit;
  return {
    entries: keys
      .slice(cursor, end)
      .map((key) => ({ key, value: { watches: Number(key.slice(1)) * 3, badge: 'first-watch' } })),
    total: keys.length,
    ...(end < keys.length && { next: String(end) }),
  };
}

export function keyHistory(): KeyHistory {
  return {
    changes: Array.from({ length: 6 }, (_, index) => ({
      value: { watches: 60 - index, badge: 'first-watch' },
      time: isoAgo(index * 340_000 + 20_000),
      ...(index === 2
        ? { by: 'ada@build-7 (jetplug store)' }
        : { event: ROOT, handler: 'award', version: 'd21ec1', attempt: 1 }),
    })),
    isCut: true,
  };
}

export function tryAnswer(payload: unknown): TryAnswer {
  return {
    outcome: 'handled',
    ranMs: 7.3,
    writes: [{ key: 'u17', before: 99, after: 100 }],
    emits: [{ subject: 'badge.awarded', payload: { ...(payload as object), badge: '100-watches', count: 100 } }],
    lines: [{ level: 'info', message: 'badge awarded' }],
  };
}
