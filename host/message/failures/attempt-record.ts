import type { Past } from '../../broker/delivery';
import type { CarriedUpdates } from './applied';
import { NO_FAILURES, type Burial, type CountedMessage, type Failures } from './failures';

/** The failures of a message in their stored form. */
export interface AttemptState extends Omit<Failures, 'buried'>, CarriedUpdates {
  readonly buried?: StoredBurial | undefined;
  /** The process that runs the message. A process other than this one died while it ran the message, or is frozen. */
  readonly startedBy?: string | undefined;
}

type StoredBurial = Omit<Burial, 'error'> & { name: string; message: string; stack: string | undefined };

export interface AttemptRecord extends AttemptState {
  /** When the message was stored, in ms since 1970. A stream that is created again restarts its sequences at 1. */
  readonly storedAtMs: number;
}

/** Longer than the error texts in a dead letter's headers. */
const MAX_TEXT = 8_192;

/** Reads a record. Without a record of this message, the state comes from the message's headers from the retry queue. */
export function readRecord(text: string | undefined, message: CountedMessage): AttemptState {
  const found = text === undefined ? undefined : (JSON.parse(text) as AttemptRecord);
  const record: AttemptState = found?.storedAtMs === message.storedAtMs ? found : stateFromPast(message.past);
  const { charged, provisional, outages, applied, appliedIn, deaths, startedBy, unsure, buried } = record;
  return {
    charged,
    provisional,
    outages,
    applied,
    ...(appliedIn !== undefined && { appliedIn }),
    deaths,
    ...(unsure && { unsure }),
    ...(startedBy !== undefined && { startedBy }),
    ...(buried && { buried }),
  };
}

/** Omits `appliedIn`: that record belongs to the retry queue, which reads and removes it. */
function stateFromPast(past: Past | undefined): AttemptState {
  if (!past) return NO_FAILURES as AttemptState;
  const { failures, provisional = 0, outages = 0, applied } = past;
  return { charged: failures, provisional, outages, applied, deaths: 0, ...(past.unsure && { unsure: true }) };
}

export function storedBurial({ reason, attempts, error }: Burial): StoredBurial {
  const { name, message, stack } = error;
  return { reason, attempts, name, message: message.slice(0, MAX_TEXT), stack: stack?.slice(0, MAX_TEXT) };
}

/** The burial with its error restored, for the dead letter. */
export function burialOf({ reason, attempts, name, message, stack }: StoredBurial): Burial {
  return { reason, attempts, error: Object.assign(new Error(message), { name, stack }) };
}
