/** The promises of the host that a schedule checks. */
export const PROMISES = {
  'no-event-lost': 'no acknowledged event is lost',
  'effect-once': 'each effect happens once',
  'key-order': 'the events of one key are handled in order',
  'one-host': 'one host at a time commits the runs of a handler with a key',
  'all-settled': 'every event is settled',
  'no-fault': 'the host itself has no fault',
} as const;

export type Promised = keyof typeof PROMISES;

/** A promise that a schedule has broken. */
export interface Violation {
  readonly promise: Promised;
  readonly what: string;
}
