import { isSubscribeSubject, JetplugError } from '../../sdk/internal';
import { holderOf, type StreamState } from '../broker/stream-state';
import type { Reply } from '../nats/serve-answers';
import type { LiveFilter, LiveRuns } from '../records/runs/live-runs';

/** The parts of a host that a watch needs. */
export interface WatchedHost {
  readonly live: Pick<LiveRuns, 'watch'>;
  readonly streams: readonly Pick<StreamState, 'name' | 'subjects'>[];
}

/**
 * Begins a watch of the runs that pass a filter, or extends it. The runs go to the inbox of the program that asks.
 * @param text the filter as JSON, or empty. Any program may send it, so it is checked
 * @throws JetplugError `JP_REQUEST_INVALID`
 */
export async function watchRuns(
  text: string,
  { inbox, send }: Reply,
  { live, streams }: WatchedHost,
): Promise<{ readonly watches: boolean }> {
  // The host must not publish for others where they may not publish themselves.
  if (inbox === '' || inbox.startsWith('$') || holderOf(streams, inbox))
    throw new JetplugError('JP_REQUEST_INVALID', 'the reply subject is no inbox');
  return { watches: live.watch(inbox, readFilter(text), send) };
}

function readFilter(text: string): LiveFilter {
  const given = parse(text);
  const { subject, plugin, handler, handled, fields = [] } = given ?? {};
  const isValid =
    (subject === undefined || (typeof subject === 'string' && isSubscribeSubject(subject))) &&
    isText(plugin) &&
    isText(handler) &&
    (handled === undefined || typeof handled === 'boolean') &&
    Array.isArray(fields) &&
    fields.length <= MAX_FIELDS &&
    fields.every(isCondition);
  if (!isValid) throw new JetplugError('JP_REQUEST_INVALID', 'the filter has a field that is not valid');
  return { subject, plugin, handler, handled, fields } as LiveFilter;
}

function parse(text: string): Partial<Record<keyof LiveFilter, unknown>> | null {
  if (text === '') return null;
  try {
    return JSON.parse(text) as Partial<Record<keyof LiveFilter, unknown>> | null;
  } catch (cause) {
    throw new JetplugError('JP_REQUEST_INVALID', 'the filter is not JSON', { cause });
  }
}

const MAX_FIELDS = 20;

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isCondition(given: unknown): boolean {
  const { path, value } = (given ?? {}) as { path?: unknown; value?: unknown };
  return Array.isArray(path) && path.every((name) => typeof name === 'string') && typeof value === 'string';
}
