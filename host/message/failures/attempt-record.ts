import type { MessageRef, Past } from '../../broker/delivery';
import { assertReadable, recordAt } from '../../records/record-format';
import { NO_FAILURES, type Burial, type CountedMessage, type Failures } from './failures';

/** The last failed run of a message that is tried again. Only people read it: it decides nothing. */
export interface LastFailure {
  readonly error: string;
  /** The version of the plugin that failed. */
  readonly version: string;
  /** How many attempts the handler allows. */
  readonly attempts: number;
  /** When the run failed, and when the next one is due, in milliseconds since 1970. */
  readonly atMs: number;
  readonly nextAtMs: number;
}

/** The failures of a message in their stored form. */
export interface AttemptState extends Omit<Failures, 'buried'> {
  readonly buried?: StoredBurial | undefined;
  /**
   * The id of the process that last began to run the message. If that is not this process, it died during the run or
   * is frozen.
   */
  readonly startedBy?: string | undefined;
  readonly last?: LastFailure | undefined;
}

type StoredBurial = Omit<Burial, 'error'> & { name: string; message: string; stack: string | undefined };

export interface AttemptRecord extends AttemptState {
  readonly format?: number;
  /**
   * When the message was stored, in ms since 1970. Needed because a stream that is created again restarts its sequences
   * at 1.
   */
  readonly storedAtMs: number;
}

const FORMAT = 1;

/** Longer than the error texts in a dead letter's headers. */
const MAX_TEXT = 8_192;

/** Returns the key of a message's record in the host's bucket. */
export function attemptsKey(durable: string, { stream, sequence }: Pick<MessageRef, 'stream' | 'sequence'>): string {
  return `attempts.${durable}.${stream}.${sequence}`;
}

/** Returns the record as the text of its value. */
export function encodeRecord(record: AttemptRecord): string {
  return JSON.stringify({ format: FORMAT, ...record });
}

/** @throws JetplugError `JP_RECORD_NEWER` */
export function parseRecord(key: string, text: string): AttemptRecord {
  const record = JSON.parse(text) as AttemptRecord;
  assertReadable(recordAt(key), record.format, FORMAT);
  return record;
}

/** Reads the state of a message from its record. If it has none, reads the headers from the retry queue instead. */
export function stateOf(found: AttemptRecord | undefined, message: CountedMessage): AttemptState {
  const record: AttemptState = found?.storedAtMs === message.storedAtMs ? found : stateFromPast(message.past);
  const { charged, provisional, outages, deaths, startedBy, buried, last } = record;
  return {
    charged,
    provisional,
    outages,
    deaths,
    ...(startedBy !== undefined && { startedBy }),
    ...(buried && { buried }),
    ...(last && { last }),
  };
}

/** Reads the headers from the retry queue. */
function stateFromPast(past: Past | undefined): AttemptState {
  if (!past) return NO_FAILURES as AttemptState;
  const { failures, provisional = 0, outages = 0 } = past;
  return { charged: failures, provisional, outages, deaths: 0 };
}

export function storedBurial({ reason, attempts, error }: Burial): StoredBurial {
  const { name, message, stack } = error;
  return { reason, attempts, name, message: message.slice(0, MAX_TEXT), stack: stack?.slice(0, MAX_TEXT) };
}

/** Restores the error of a burial, for the dead letter. */
export function burialOf({ reason, attempts, name, message, stack }: StoredBurial): Burial {
  return { reason, attempts, error: Object.assign(new Error(message), { name, stack }) };
}
