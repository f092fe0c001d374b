import type { Past } from '../../broker/delivery';
import type { CarriedUpdates } from './applied';
import { NO_FAILURES, type Burial, type CountedMessage, type Failures } from './failures';

/** The failures of a message, as they are stored. */
export interface AttemptState extends Omit<Failures, 'buried'>, CarriedUpdates {
  readonly buried?: StoredBurial | undefined;
  /** The process that runs the message. If it is another one than this, it died under the message, or is frozen. */
  readonly startedBy?: string | undefined;
}

type StoredBurial = Omit<Burial, 'error'> & { name: string; message: string; stack: string | undefined };

export interface AttemptRecord extends AttemptState {
  /** When the message was stored, in ms since 1970: a stream that is made again counts its sequences anew. */
  readonly storedAtMs: number;
}

/** Longer than a dead letter's headers keep of an error. */
const MAX_TEXT = 8_192;

/** Reads a record. Without one for this very message, the state is what the message brings from the retry queue. */
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

/** Without `appliedIn`: that record belongs to the retry queue, and is read with it and not removed here. */
function stateFromPast(past: Past | undefined): AttemptState {
  if (!past) return NO_FAILURES as AttemptState;
  const { failures, provisional = 0, outages = 0, applied } = past;
  return { charged: failures, provisional, outages, applied, deaths: 0, ...(past.unsure && { unsure: true }) };
}

export function storedBurial({ reason, attempts, error }: Burial): StoredBurial {
  const { name, message, stack } = error;
  return { reason, attempts, name, message: message.slice(0, MAX_TEXT), stack: stack?.slice(0, MAX_TEXT) };
}

/** The burial with its error as it was, for the dead letter. */
export function burialOf({ reason, attempts, name, message, stack }: StoredBurial): Burial {
  return { reason, attempts, error: Object.assign(new Error(message), { name, stack }) };
}
