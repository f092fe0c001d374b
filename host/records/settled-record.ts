/** One handler's settlements as they are stored in the host's bucket. */
export interface SettledRecord {
  readonly stream: string;
  /** The time at which the stream was created. A stream that is created again restarts its sequences at 1. */
  readonly created: string;
  readonly ranges: readonly (readonly [number, number])[];
}

/** Returns the key of a durable's settlements in the host's bucket. */
export function settledKey(durable: string): string {
  return `settled.${durable}`;
}

/** Reads a stored value; undefined for none. */
export function parseSettled(text: string | undefined): SettledRecord | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as SettledRecord);
}
