import type { Ground } from './ground';

/**
 * Who does the work: the loop or the call that the NATS client's documentation shows; the best that can be
 * written with that client; and Jetplug, with a synchronous handler, an async one, or one that takes batches.
 */
export const SUBJECTS = ['documented', 'best', 'jetplug', 'jetplug-async', 'jetplug-batch'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** What was measured once. */
export interface Figure {
  /** The case, or a part of it: `publish in flight`. */
  readonly case: string;
  readonly subject: Subject;
  readonly unit: string;
  readonly value: number;
}

/** One part of a round: a subject at its work, in a process of its own. */
export interface Measurement {
  readonly label: string;
  measure(): Promise<readonly Figure[]>;
}

export interface Case {
  /** As it is told to `--cases`. */
  readonly name: string;
  readonly about: string;
  /** Makes what the rounds need, such as a stream full of events; every round then takes each measurement once. */
  prepare(ground: Ground): Promise<readonly Measurement[]>;
}

/** One measurement for each of the subjects that a case has. */
export function forEachSubject<T>(
  subjects: Readonly<Partial<Record<Subject, T>>>,
  measurement: (subject: Subject, value: T) => Measurement,
): Measurement[] {
  return SUBJECTS.flatMap((subject) => {
    const value = subjects[subject];
    return value === undefined ? [] : [measurement(subject, value)];
  });
}
