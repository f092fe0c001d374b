import type { Time } from '../../base/time';
import type { Claims } from './claims';
import type { Commit } from './commit';
import { DoneWork } from './done-work';
import type { FoldedLog } from './folded-log';
import { LostNotes } from './lost-notes';
import { SentEmits } from './sent-emits';

export interface LogNotesOptions {
  readonly folded: FoldedLog;
  readonly time: Time;
  readonly stop: AbortSignal;
  /** Called when a commit must be made for notes, because no run makes one. */
  due(): void;
  trouble(message: string, error: unknown): void;
}

/** The notes that a host makes in the log when it has done the work that its commits leave to do, and its claims. */
export class LogNotes {
  readonly sent: SentEmits;
  readonly worked: DoneWork;
  private readonly lost: LostNotes;
  private readonly claims: Claims;

  constructor({ folded, time, stop, due, trouble }: LogNotesOptions) {
    this.claims = folded.claims;
    const sent = (this.sent = new SentEmits(folded, time, due));
    const worked = (this.worked = new DoneWork(folded.parts, time, due));
    const failed = (error: unknown): void => trouble('work that is left to do cannot be checked yet', error);
    this.lost = new LostNotes({ folded, sent, worked, time, stop, failed });
  }

  get isEmpty(): boolean {
    return this.sent.isEmpty && this.worked.isEmpty;
  }

  /** Takes out notes and claims for a commit. */
  take(): Required<Pick<Commit, 'sent' | 'worked' | 'claimed'>> {
    return { sent: this.sent.take(), worked: this.worked.take(), claimed: this.claims.take() };
  }

  /** Puts back those of a commit that was refused. */
  putBack(commit: Commit): void {
    this.sent.putBack(commit);
    this.worked.putBack(commit);
    this.claims.putBack(commit);
  }

  /** Looks for notes that other hosts have lost. */
  start(): void {
    this.lost.start();
  }

  /** Makes no commit by itself any more. */
  stop(): void {
    this.lost.stop();
    this.sent.stop();
    this.worked.stop();
  }
}
