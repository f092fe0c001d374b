import type { Ground, SyncInterval } from './ground';

/**
 * The subject under test: the loop or the call that the NATS client’s documentation shows; the best program that can be
 * written with that client; and Jetplug, with a synchronous handler, an async handler, or a batch handler.
 */
export const SUBJECTS = ['documented', 'best', 'jetplug', 'jetplug-async', 'jetplug-batch'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** The result of one measurement. */
export interface Figure {
  /** The case, or a part of it: `publish in flight`. */
  readonly case: string;
  readonly subject: Subject;
  readonly unit: string;
  readonly value: number;
}

/** One part of a round: a subject does its work in its own process. */
export interface Measurement {
  readonly label: string;
  measure(): Promise<readonly Figure[]>;
}

export interface Case {
  /** The name for `--cases`. */
  readonly name: string;
  readonly about: string;
  /** The `sync_interval` of the server. Default: `2m`, the server's own. */
  readonly syncInterval?: SyncInterval;
  /** Makes the resources of the rounds, such as a full stream. Every round then runs each measurement once. */
  prepare(ground: Ground): Promise<readonly Measurement[]>;
}

/** One measurement for each of the subjects of a case. */
export function forEachSubject<T>(
  subjects: Readonly<Partial<Record<Subject, T>>>,
  measurement: (subject: Subject, value: T) => Measurement,
): Measurement[] {
  return SUBJECTS.flatMap((subject) => {
    const value = subjects[subject];
    return value === undefined ? [] : [measurement(subject, value)];
  });
}
