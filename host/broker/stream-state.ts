import { covers } from '../../sdk/internal';
/** The stream of the retry queues: events that were postponed for long or redriven, each for one handler. */
export const RETRY_STREAM = 'RETRY';

/** The state after the start of a stream that the host needs. */
export interface StreamState {
  readonly name: string;
  /** The subjects of the stream in the config. On the server the stream may hold more. */
  readonly subjects: readonly string[];
  /** `unmanaged`: this deployment uses the stream as it is and never changes it. */
  readonly change: 'created' | 'updated' | 'unchanged' | 'unmanaged';
  /** The changes of an update, such as `maxAge 7d → 14d`, and how much data it removed, where that was allowed. */
  readonly changes?: readonly string[];
  /** Whether the stream is sealed: its events can be handled, and the server refuses new ones. Default: false. */
  readonly sealed?: boolean;
  /** Whether the stream takes atomic batches of events. Default: false. */
  readonly takesBatches?: boolean;
  readonly messages: number;
  /** The time in milliseconds for which the server drops repeats of an event id. */
  readonly duplicateWindowMs: number;
}

/** Returns the stream that holds everything that the subject matches. */
export function holderOf<S extends Pick<StreamState, 'subjects'>>(
  streams: readonly S[],
  subject: string,
): S | undefined {
  return streams.find((stream) => stream.subjects.some((own) => covers(own, subject)));
}

/** Returns the name of the stream that holds everything that the subject matches. */
export function streamFor(
  streams: readonly Pick<StreamState, 'name' | 'subjects'>[],
  subject: string,
): string | undefined {
  return holderOf(streams, subject)?.name;
}

/** Names the streams of the config with their subjects, for a message. */
export function streamsText(streams: readonly Pick<StreamState, 'name' | 'subjects'>[]): string {
  if (streams.length === 0) return 'the config has no stream';
  return `the streams are ${streams.map(({ name, subjects }) => `${name} (${subjects.join(', ')})`).join('; ')}`;
}

/** The stream under the host's own bucket. */
export const RECORDS_STREAM = 'KV_jetplug';
