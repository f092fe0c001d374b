import type { Connection } from './connection';
import { asBrokerError } from './failures';

/** How many messages a stream holds on each subject, or how many subjects where those are too many to list. */
export type SubjectCounts =
  | { readonly kind: 'counts'; readonly counts: ReadonlyMap<string, number> }
  | { readonly kind: 'too-many'; readonly subjects: number };

/** An answer with so many subjects of usual length has about half a megabyte. */
const MAX_SUBJECTS = 10_000;

/** Asks for the number of subjects first, as that costs the server little, and for the list only if it is short. */
export async function subjectCounts({ jsm }: Connection, stream: string, limit = MAX_SUBJECTS): Promise<SubjectCounts> {
  try {
    const { num_subjects: subjects = 0 } = (await jsm.streams.info(stream)).state;
    if (subjects > limit) return { kind: 'too-many', subjects };
    const { state } = await jsm.streams.info(stream, { subjects_filter: '>' });
    return { kind: 'counts', counts: new Map(Object.entries(state.subjects ?? {})) };
  } catch (error) {
    throw asBrokerError(error, `stream ${stream}`);
  }
}
