import { createHash } from 'node:crypto';
import { machineTime, type Time } from '../base/time';
import type { Config } from '../config/config';
import { Conflict, type KeyValue } from '../records/key-value';
import { auditStream, bucketStream, logStream, retryStream, runStream, wantedStreams } from './wanted-streams';

/**
 * The record of the newest config of a deployment, in the host's bucket. Hosts whose configs ask for different settings
 * of streams and durables would otherwise undo each other's changes for ever.
 */
export interface GenerationRecord {
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

/** The newer config of a deployment that a host with an earlier one waits for. */
export interface NewerConfig {
  readonly generation: number;
  /** The host that has claimed it, as `machine:process`, or the operator who has applied it, as `user@machine`. */
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
}

export function newerConfig({ number: generation, host, claimedAt: since }: GenerationRecord): NewerConfig {
  return { generation, host, since };
}

const GENERATION_KEY = 'generation';
const MAX_EARLIER = 20;
const CLAIM_TRIES = 10;

/** A claim of the next generation. */
export interface Claim extends Pick<GenerationRecord, 'fingerprint' | 'host' | 'applied'> {
  /** Default: the machine's. */
  readonly time?: Time;
}

/**
 * Claims the next generation, unless the newest one is to be left.
 * @param leaves whether this generation stays the newest
 * @returns the generation that is the newest now
 */
export async function claimGeneration(
  records: KeyValue,
  claim: Claim,
  leaves: (newest: GenerationRecord) => boolean | Promise<boolean>,
): Promise<GenerationRecord> {
  for (let tries = 1; ; tries++) {
    const [newest, revision] = await readGeneration(records);
    if (newest && (await leaves(newest))) return newest;
    const next = after(newest, claim);
    try {
      await records.put(GENERATION_KEY, JSON.stringify(next), revision);
      return next;
    } catch (error) {
      // Another host has claimed this number.
      if (!(error instanceof Conflict) || tries >= CLAIM_TRIES) throw error;
    }
  }
}

/**
 * Makes a config the newest of the deployment on behalf of an operator, before its settings are applied. Hosts that run
 * with another config would otherwise put back theirs; now they wait until they are restarted with this one.
 */
export async function applyConfig(records: KeyValue, fingerprint: string, operator: string): Promise<void> {
  const isApplied = (newest: GenerationRecord): boolean =>
    newest.applied === true && newest.fingerprint === fingerprint;
  await claimGeneration(records, { fingerprint, host: operator, applied: true }, isApplied);
}

/** Reads the newest generation from the leader of the bucket, with the revision of its record. */
export async function readGeneration(
  records: KeyValue,
): Promise<[record: GenerationRecord | undefined, revision: number]> {
  const { value, revision = 0 } = (await records.get(GENERATION_KEY, { latest: true })) ?? {};
  return [value === undefined ? undefined : parseGeneration(value), revision];
}

/** Reads a stored record; undefined for a text that no host has written, which the next claim replaces. */
function parseGeneration(text: string): GenerationRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<GenerationRecord> | null;
    const isRecord = typeof record?.fingerprint === 'string' && Array.isArray(record.earlier);
    return isRecord ? (record as GenerationRecord) : undefined;
  } catch {
    return undefined;
  }
}

function after(before: GenerationRecord | undefined, { time = machineTime, ...claim }: Claim): GenerationRecord {
  const earlier = before ? [before.fingerprint, ...before.earlier] : [];
  return {
    number: (before?.number ?? 0) + 1,
    ...claim,
    claimedAt: new Date(time.epochMs()).toISOString(),
    earlier: earlier.filter((one) => one !== claim.fingerprint).slice(0, MAX_EARLIER),
  };
}

/** Returns a text that is equal for configs that ask for the same settings on the server. */
export function fingerprintOf(config: Config): string {
  const streams = [...wantedStreams(config), retryStream(config), bucketStream('*', config), logStream('*', config)];
  const settings = [...streams, runStream(config), auditStream(config)].map(({ managed, settings }) =>
    managed ? settings : settings.name,
  );
  const { ackWaitMs, maxAckPending } = config.delivery;
  const text = JSON.stringify([config.deploy.name, settings, ackWaitMs, maxAckPending]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
