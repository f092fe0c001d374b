import { assertReadable, recordAt } from './record-format';

const FORMAT = 1;

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

/** Returns the record as the text of its value. */
export function encodeSettled(record: SettledRecord): string {
  return JSON.stringify({ format: FORMAT, ...record });
}

/**
 * Reads the stored value of a durable; undefined for none.
 * @throws JetplugError `JP_RECORD_NEWER`
 */
export function parseSettled(text: string | undefined, durable: string): SettledRecord | undefined {
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as SettledRecord & { readonly format?: number };
  assertReadable(recordAt(settledKey(durable)), record.format, FORMAT);
  return record;
}
