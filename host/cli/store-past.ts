import { JetplugError, parseDuration } from '../../sdk/internal';
import { unescapeKey } from '../effects/store-keys';
import type { JetStreamLog } from '../nats/commit-log';
import { momentAfter, type EventName } from '../records/history/event-moments';
import { keptHistory, momentAt, type KeptHistory, type Moment } from '../records/history/moment';
import { storeAt } from '../records/history/store-at';
import { withBroker, type CommonFlags } from './common';
import { eventText, historyText, isoTime } from './history-text';
import { logProgress, type LogProgress } from './log-progress';
import { paint } from './output';
import { parseTime } from '../ops/parse-time';
import { bucketOf, logOf, noValue } from '../ops/find-store';
import { foundValues, type FoundValues } from './stored-value';

interface PastFlags extends CommonFlags {
  readonly at: string;
}

/**
 * Reads the values of a plugin's store at an earlier moment, and says on standard error which moment that is.
 * @param only one key
 * @throws JetplugError `JP_HISTORY_ENDED`, `JP_NOT_FOUND`, `JP_USAGE`
 */
export async function readPast(plugin: string, only: string | undefined, flags: PastFlags): Promise<FoundValues> {
  const at = readAt(flags.at);
  return withBroker(flags, async (connection) => {
    const bucket = await bucketOf(plugin, connection);
    const log = await logOf(plugin, connection);
    const bar = logProgress('reading the commit log');
    try {
      const { moment, note } = await findMoment(log, plugin, at, bar);
      const options = { progress: bar.progress, ...(only !== undefined && { only: [only] }) };
      const { texts, unknown } = await storeAt(log, bucket, moment, options);
      bar.stop();
      if (only !== undefined && unknown.length > 0) throw notKnown(plugin, only, await keptHistory(log));
      if (only !== undefined && texts.size === 0) throw noValue(plugin, only, ` ${note}`);
      if (!flags.json) printNotes(note, unknown.length > 0 ? await keptHistory(log) : undefined);
      return foundValues(texts, unknown);
    } finally {
      bar.stop();
    }
  });
}

/** A moment as it is written: a time in milliseconds since 1970, or an event. */
type At = { readonly timeMs: number } | { readonly text: string; readonly event: EventName };

/**
 * Reads the moment of `--at`. A text that is no time may be the id of an event, which can be any text.
 * @throws JetplugError `JP_USAGE`
 */
export function readAt(text: string): At {
  if (text.trim() === '') throw new JetplugError('JP_USAGE', '--at takes a time or an event, and got an empty text');
  const isTime = parseDuration(text) !== undefined || /^[+-]?\d{4,}-\d\d(-\d\d)?($|[T ])/.test(text);
  if (isTime) return { timeMs: parseTime(text) };
  const [, stream, sequence] = /^(.+):(\d+)$/.exec(text) ?? [];
  const place = stream === undefined ? {} : { stream, sequence: Number(sequence) };
  return { text, event: { id: text, ...place } };
}

/** @returns the moment, and a phrase that names it */
async function findMoment(
  log: JetStreamLog,
  plugin: string,
  at: At,
  bar: LogProgress,
): Promise<{ readonly moment: Moment; readonly note: string }> {
  if ('timeMs' in at) {
    const moment = await momentAt(log, at.timeMs);
    if (!moment) throw tooEarly(plugin, at.timeMs, await keptHistory(log));
    return { moment, note: `at ${isoTime(at.timeMs)} by the NATS server’s clock` };
  }
  const found = await momentAfter(log, at.event, bar.progress);
  bar.stop();
  if (!found) throw noCommit(plugin, at.text, await keptHistory(log));
  const { handler, attempt } = found.origin;
  const run = `${plugin}.${handler} (attempt ${attempt})`;
  const note = `just after ${run} has committed event ${eventText(found.origin)} at ${isoTime(found.storedAtMs)}`;
  return { moment: found.moment, note };
}

function tooEarly(plugin: string, timeMs: number, kept: KeptHistory): JetplugError {
  return new JetplugError('JP_HISTORY_ENDED', `${historyText(plugin, kept)}; ${isoTime(timeMs)} is before that`);
}

function notKnown(plugin: string, only: string, kept: KeptHistory): JetplugError {
  const key = JSON.stringify(unescapeKey(only).key);
  const message = `${historyText(plugin, kept)}; the value of ${key} at that moment is from before, and was replaced since`;
  return new JetplugError('JP_HISTORY_ENDED', message);
}

function noCommit(plugin: string, text: string, kept: KeptHistory): JetplugError {
  return new JetplugError(
    'JP_NOT_FOUND',
    `there is no commit of an event ${JSON.stringify(text)}; ${historyText(plugin, kept)}`,
    {
      hint: `An event has a commit once a handler of ${plugin} has changed the store or published for it. Give its id, its STREAM:SEQUENCE, or a time such as 2026-05-12T19:00:00Z or 10m.`,
    },
  );
}

function printNotes(note: string, kept: { readonly sinceMs?: number } | undefined): void {
  const unknown =
    kept?.sinceMs === undefined
      ? ''
      : `; values from before ${isoTime(kept.sinceMs)}, where the history begins, are not known if they were replaced since`;
  process.stderr.write(`${paint('dim', `the values ${note}${unknown}`, process.stderr)}\n`);
}
