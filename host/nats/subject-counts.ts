import type { Connection } from './connection';
import { streamInfo } from './streams';

/** The number of messages on each subject of a stream, or the number of subjects where they are too many to list. */
export type SubjectCounts =
  | { readonly kind: 'counts'; readonly counts: ReadonlyMap<string, number> }
  | { readonly kind: 'too-many'; readonly subjects: number };

/**
 * The maximum number of subjects in a list. An answer with this many subjects of usual length takes about half a
 * megabyte.
 */
const MAX_SUBJECTS = 10_000;

/**
 * Counts the messages on each subject. Requests the number of subjects first, which costs the server little, and the
 * list only if it is short.
 */
export async function subjectCounts(
  connection: Connection,
  stream: string,
  limit = MAX_SUBJECTS,
): Promise<SubjectCounts> {
  const { num_subjects: subjects = 0 } = (await streamInfo(connection, stream)).state;
  if (subjects > limit) return { kind: 'too-many', subjects };
  const { state } = await streamInfo(connection, stream, { subjects_filter: '>' });
  return { kind: 'counts', counts: new Map(Object.entries(state.subjects ?? {})) };
}
