import type { StreamInfo } from './client';
import type { StreamDeletion } from './stream-deletion';
import type { RequiredStream } from './stream-keeper';

/** A stream of the keeper, and its last known state. */
export class KeptStream {
  readonly users = new Set<RequiredStream>();
  created = '';
  messages = 0;
  lastSequence = 0;
  notedAtMs = 0;
  missing = false;
  /** Since when the stream is missing, in milliseconds of `performance.now()`. */
  missingSinceMs = 0;
  /** How `jetplug apply` has deleted the stream that is missing; undefined for a loss. */
  deletion: StreamDeletion | undefined;
  drift: readonly string[] = [];
  checking: Promise<void> | undefined;
  checkedAtMs = 0;
  again = false;

  constructor(
    readonly name: string,
    info: StreamInfo,
  ) {
    this.note(info);
  }

  note({ created, state }: StreamInfo): void {
    this.created = created;
    this.messages = state.messages;
    this.lastSequence = state.last_seq;
    this.notedAtMs = Date.now();
  }
}
