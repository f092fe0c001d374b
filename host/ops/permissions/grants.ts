import { covers } from '../../../sdk/internal';

/** Subjects that a user may publish on and subscribe to, for one purpose. */
export interface Grants {
  /** The purpose, in words. */
  readonly purpose: string;
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
}

/** The permissions of one user of the NATS server. Every subject that is not listed is refused. */
export interface Permissions {
  /** None has a subject that an earlier one covers. */
  readonly grants: readonly Required<Grants>[];
  /** Subjects within the granted ones that the user may not subscribe to. */
  readonly denied: readonly string[];
}

/** Leaves out each subject that an earlier grant covers, and the grants without any other. */
export function distinct(grants: readonly Grants[]): Required<Grants>[] {
  const known: Record<'publish' | 'subscribe', string[]> = { publish: [], subscribe: [] };
  const unknown = (of: 'publish' | 'subscribe', subjects: readonly string[] = []): string[] =>
    subjects.filter((subject) => {
      const isKnown = known[of].some((other) => covers(other, subject));
      if (!isKnown) known[of].push(subject);
      return !isKnown;
    });
  return grants
    .map(({ purpose, publish, subscribe }) => ({
      purpose,
      publish: unknown('publish', publish),
      subscribe: unknown('subscribe', subscribe),
    }))
    .filter(({ publish, subscribe }) => publish.length + subscribe.length > 0);
}
