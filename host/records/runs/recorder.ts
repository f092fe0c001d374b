import type { LiveRuns } from './live-runs';
import type { RunRecord } from './run-record';
import type { RunRecorder } from './run-recorder';

/** Stores records. */
export interface RecordStore extends Pick<RunRecorder, 'isSampled'> {
  /** Stores a record soon. */
  add(record: RunRecord): void;
}

/** Takes the records of a host's runs: for the stream of records, and for those who watch now. */
export class Recorder {
  constructor(
    /** Undefined if no records are stored. */
    readonly store: RecordStore | undefined,
    readonly live: Pick<LiveRuns, 'isWatched' | 'add'>,
  ) {}

  /** Whether a run may be recorded. */
  get isActive(): boolean {
    return this.store !== undefined || this.live.isWatched;
  }
}
