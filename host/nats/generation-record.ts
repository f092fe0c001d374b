import { machineTime, type Time } from '../base/time';
import type { KeyValue } from '../records/key-value';
import { assertReadable, recordAt } from '../records/record-format';

/**
 * The record of the newest config of a deployment, in the host's bucket. Hosts whose configs ask for different settings
 * of streams and durables would otherwise undo each other's changes for ever.
 */
export interface GenerationRecord {
  readonly format?: number;
  readonly number: number;
  readonly fingerprint: string;
  /** The host that has claimed the generation, as `machine:process`. */
  readonly host: string;
  /** ISO 8601. */
  readonly claimedAt: string;
  /** The fingerprints of earlier generations, the newest first. */
  readonly earlier: readonly string[];
  /** Whether an operator has applied the config. It then counts while no host runs with it, too. */
  readonly applied?: true;
}

/** The config that becomes the newest one. */
export interface NewGeneration {
  readonly fingerprint: string;
  /** The name of the host, as `machine:process`, or of the operator. */
  readonly host: string;
  /** Default: the machine's. */
  readonly time?: Time;
}

export const GENERATION_KEY = 'generation';
const FORMAT = 1;
const MAX_EARLIER = 20;

export type StoredGeneration = [record: GenerationRecord | undefined, revision: number];

/** @throws JetplugError `JP_RECORD_NEWER` */
export async function readGeneration(records: KeyValue): Promise<StoredGeneration> {
  const { value, revision = 0 } = (await records.get(GENERATION_KEY, { latest: true })) ?? {};
  return [value === undefined ? undefined : parseGeneration(value), revision];
}

/**
 * Reads a stored record; undefined for a text that no host has written, which the next claim replaces.
 * @throws JetplugError `JP_RECORD_NEWER`
 */
function parseGeneration(text: string): GenerationRecord | undefined {
  let record: Partial<GenerationRecord> | null;
  try {
    record = JSON.parse(text) as Partial<GenerationRecord> | null;
  } catch {
    return undefined;
  }
  assertReadable(recordAt(GENERATION_KEY), record?.format, FORMAT);
  const isRecord = typeof record?.fingerprint === 'string' && Array.isArray(record.earlier);
  return isRecord ? (record as GenerationRecord) : undefined;
}

/** Returns the record with which a config becomes the newest one. */
export function nextGeneration(
  before: GenerationRecord | undefined,
  { fingerprint, host, time = machineTime }: NewGeneration,
): GenerationRecord {
  const earlier = before ? [before.fingerprint, ...before.earlier] : [];
  return {
    format: FORMAT,
    number: (before?.number ?? 0) + 1,
    fingerprint,
    host,
    claimedAt: new Date(time.epochMs()).toISOString(),
    earlier: earlier.filter((one) => one !== fingerprint).slice(0, MAX_EARLIER),
  };
}
