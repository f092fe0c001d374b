/** Dead letters, any number of them, made when they are asked for. */
import type { LetterFilter, LetterGroups, LetterPage, LetterView } from '../../../host/page/api';
import type { DeadLetterSummary } from '../../../host/ops/dead-letter-summary';
import { isoAgo, schemaOf } from './story';

const CAUSES = [
  [
    'notification',
    'notify',
    'failed',
    "Cannot read properties of undefined (reading 'friends')",
    'video.watch_started',
    'a41f',
  ],
  [
    'recommendation',
    'learn',
    'timed-out',
    'the handler ran longer than its timeout of 30 s',
    'video.watch_started',
    '7c02',
  ],
  ['ranking', 'count', 'invalid', 'video_id: must be well-formed Unicode', 'video.watch_started', 'e9d3'],
  ['user-preferences', 'catalogue', 'rejected', 'the genre "noir " is unknown', 'video.published', '15b8'],
] as const;

/** Of ten letters, how many have each cause. */
const SHARES = [0, 0, 0, 0, 0, 0, 1, 1, 2, 3] as const;

function letter(id: number, total: number): DeadLetterSummary {
  const [plugin, handler, reason, error, subject, fingerprint] = CAUSES[SHARES[id % 10]!];
  return {
    id,
    plugin,
    handler,
    reason,
    error,
    attempts: reason === 'invalid' ? 1 : 5,
    subject,
    stream: 'EVENTS',
    sequence: 180_000 + id,
    time: isoAgo((total - id) * 700 + 9_000),
    fingerprint,
  };
}

function matches({ group, plugin, handler, reason, q }: LetterFilter, each: DeadLetterSummary): boolean {
  if (group !== undefined && each.fingerprint !== group) return false;
  if (plugin !== undefined && each.plugin !== plugin) return false;
  if (handler !== undefined && each.handler !== handler) return false;
  if (reason !== undefined && each.reason !== reason) return false;
  return q === undefined || `${each.error} ${each.subject}`.toLowerCase().includes(q.toLowerCase());
}

export function chosenLetters(filter: LetterFilter, total: number): DeadLetterSummary[] {
  const letters: DeadLetterSummary[] = [];
  for (let id = total; id > 0; id--) {
    const each = letter(id, total);
    if (matches(filter, each)) letters.push(each);
  }
  return letters;
}

export function letterPage(filter: LetterFilter, total: number, cursor = 0, limit = 100): LetterPage {
  if (!isFiltered(filter)) return wholePage(total, cursor, limit);
  const letters = chosenLetters(filter, total);
  const end = cursor + limit;
  return {
    letters: letters.slice(cursor, end),
    total: letters.length,
    ...(end < letters.length && { next: String(end) }),
  };
}

function isFiltered({ group, plugin, handler, reason, q }: LetterFilter): boolean {
  return [group, plugin, handler, reason, q].some((value) => value !== undefined);
}

function wholePage(total: number, cursor: number, limit: number): LetterPage {
  const length = Math.min(limit, total - cursor);
  const letters = Array.from({ length }, (_, index) => letter(total - cursor - index, total));
  const end = cursor + limit;
  return { letters, total, ...(end < total && { next: String(end) }) };
}

export function letterGroups(filter: LetterFilter, total: number): LetterGroups {
  const letters = chosenLetters(filter, total);
  const groups = CAUSES.flatMap(([plugin, handler, reason, error, subject, fingerprint], index) => {
    const own = letters.filter((each) => each.fingerprint === fingerprint);
    if (own.length === 0) return [];
    const counts = Array.from({ length: 24 }, (_, part) =>
      Math.max(0, Math.round((own.length / 40) * (1 + Math.sin(part / 3 + index * 2)))),
    );
    const [firstAt, lastAt] = [own.at(-1)!.time, own[0]!.time];
    return [{ fingerprint, count: own.length, plugin, handler, reason, error, subject, firstAt, lastAt, counts }];
  });
  return { total: letters.length, groups };
}

export function letterView(id: number, total: number): LetterView {
  const summary = letter(id, total);
  return {
    ...summary,
    stack: `TypeError: ${summary.error}
    at NotificationPlugin.notify (/app/plugins/notification.plugin.ts:24:31)
    at runHandler (/app/dist/host/message/run-handler.js:58:24)
    at processMessage (/app/dist/host/message/process-message.js:31:9)`,
    headers: {
      'Nats-Msg-Id': `0192f0a1-7c3e-7d11-9b5e-${String(id).padStart(12, '0')}`,
      'content-type': 'application/json',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
    payload:
      summary.subject === 'video.published'
        ? { video_id: 'v7', genres: ['noir '] }
        : { user_id: `u${id % 97}`, video_id: `v${id % 13}` },
    schema: schemaOf(summary.subject)!,
  };
}
