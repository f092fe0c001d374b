import { covers } from '../../sdk/internal';
import type { Connection } from '../nats/connection';
import { subjectCounts } from '../nats/subject-counts';
import type { Plugins } from '../plugin/plugins';
import type { StreamState } from '../broker/stream-state';

/** Stored events that no handler takes, as `jetplug plugins --unhandled --json` shows them. */
export interface Unhandled {
  /** The subjects with the most events come first; at most {@link MAX_LISTED}. */
  readonly subjects: readonly UnhandledSubject[];
  /** How many more subjects there are. */
  readonly more: number;
  /** Streams with too many subjects to compare them with the subjects of the handlers. */
  readonly notCompared: readonly { readonly stream: string; readonly subjects: number }[];
}

export interface UnhandledSubject {
  readonly stream: string;
  readonly subject: string;
  /** How many events of the subject the stream holds now. */
  readonly events: number;
}

/** The parts of a host that the comparison needs. */
export interface UnhandledIn {
  readonly plugins: Pick<Plugins, 'definitions'>;
  readonly connection: Connection;
  readonly streams: readonly Pick<StreamState, 'name'>[];
}

/** Limits the answer, at some hundred bytes a subject, to the size of one message. */
const MAX_LISTED = 500;

/** Counts the stored events that no handler of this host takes, by subject. */
export async function unhandledEvents(host: UnhandledIn): Promise<Unhandled> {
  const compared = await compareAll(host);
  const subjects = compared
    .flatMap(({ untaken }) => untaken ?? [])
    .sort((a, b) => b.events - a.events || (a.subject < b.subject ? -1 : 1));
  return {
    subjects: subjects.slice(0, MAX_LISTED),
    more: Math.max(0, subjects.length - MAX_LISTED),
    notCompared: compared
      .filter(({ untaken }) => untaken === undefined)
      .map(({ stream, subjects: count }) => ({ stream, subjects: count })),
  };
}

/** The number of events that no handler of this host takes, by stream, without the streams that are not compared. */
export async function unhandledTotals(host: UnhandledIn): Promise<ReadonlyMap<string, number>> {
  const totals = new Map<string, number>();
  for (const { stream, untaken } of await compareAll(host)) {
    if (untaken)
      totals.set(
        stream,
        untaken.reduce((sum, { events }) => sum + events, 0),
      );
  }
  return totals;
}

/** Merges the answers of several hosts. A subject that a handler of any host takes is not listed. */
export function mergeUnhandled([first, ...others]: readonly Unhandled[]): Unhandled {
  if (!first) return { subjects: [], more: 0, notCompared: [] };
  const keyOf = ({ stream, subject }: UnhandledSubject): string => `${stream} ${subject}`;
  const listed = others.map(({ subjects }) => new Set(subjects.map(keyOf)));
  return {
    ...first,
    subjects: first.subjects.filter((each) => listed.every((keys) => keys.has(keyOf(each)))),
    more: Math.min(first.more, ...others.map(({ more }) => more)),
  };
}

interface Compared {
  readonly stream: string;
  readonly subjects: number;
  /** The subjects that no handler takes; absent where the stream has too many subjects. */
  readonly untaken?: readonly UnhandledSubject[];
}

/**
 * Compares the subjects of each stream with the subjects that the handlers subscribe to. The handlers of a plugin that
 * is disabled or fails count too, because their durables keep the events for them.
 */
function compareAll({ plugins, connection, streams }: UnhandledIn): Promise<Compared[]> {
  const filters = plugins.definitions.flatMap(({ handlers }) => handlers.map(({ subject }) => subject));
  return Promise.all(
    streams.map(async ({ name: stream }) => {
      const counted = await subjectCounts(connection, stream);
      if (counted.kind === 'too-many') return { stream, subjects: counted.subjects };
      const untaken = [...counted.counts]
        .filter(([subject]) => !filters.some((filter) => covers(filter, subject)))
        .map(([subject, events]) => ({ stream, subject, events }));
      return { stream, subjects: counted.counts.size, untaken };
    }),
  );
}
