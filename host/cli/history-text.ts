import { terminalText } from '../base/utf8';
import type { Origin } from '../records/commits/commit';
import type { KeptHistory } from '../records/history/moment';

/** Names an event by its place and its id. */
export function eventText({ stream, sequence, eventId }: Origin): string {
  const place = `${stream}:${sequence}`;
  return terminalText(eventId === undefined || eventId === place ? place : `${place} (id ${eventId})`);
}

/** Says from when on the commits of a plugin are kept. */
export function historyText(plugin: string, { sinceMs, isComplete }: KeptHistory): string {
  if (isComplete || sinceMs === undefined) return `the log of ${plugin} has all its commits`;
  return `the history of ${plugin} is kept from ${isoTime(sinceMs)} on`;
}

/** A time that may be out of a Date's range. */
export function isoTime(epochMs: number): string {
  const time = new Date(epochMs);
  return Number.isNaN(time.getTime()) ? `${epochMs} ms since 1970` : time.toISOString();
}
