import type { Time, Timer } from '../../base/time';
import type { SettledEvents } from './added-handlers';
import type { DoneWork } from './done-work';
import type { FoldedLog } from './folded-log';
import { owedWork, type OwedWork } from './owed-work';
import type { SentEmits } from './sent-emits';

export interface LostNotesOptions {
  readonly folded: FoldedLog;
  readonly sent: SentEmits;
  readonly worked: DoneWork;
  readonly time: Time;
  readonly stop: AbortSignal;
  /** Called if the server cannot be asked now. It is asked again. */
  failed(error: unknown): void;
}

/** A note arrives much earlier than this after its commit, unless the host has died in between. */
const LOOK_EVERY_MS = 30_000;

/**
 * Makes the notes again that a host has lost, because it died after the ack of an event and before the commit with the
 * note that nothing is left to do for the event. Without the note, the work would stay in the checkpoint for ever. An
 * event is acknowledged only after its work is done, so nothing is left to do for a settled event that the server
 * delivers no more.
 */
export class LostNotes {
  private timer: Timer | undefined;
  /** The position at the last look. Work of commits behind it is too young to be overdue. */
  private lookedAt = 0;
  private isLooking = false;

  constructor(private readonly options: LostNotesOptions) {}

  start(): void {
    this.lookedAt = this.options.folded.position;
    this.timer = this.options.time.every(LOOK_EVERY_MS, () => void this.look());
  }

  stop(): void {
    this.timer?.cancel();
  }

  private async look(): Promise<void> {
    const { folded, stop, failed } = this.options;
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      for (const [settled, owed] of this.overdue()) {
        const floor = await settled.ackFloor();
        if (stop.aborted) return;
        for (const one of owed) if (one.sequence <= floor && settled.has(one.sequence)) this.note(one);
      }
      this.lookedAt = folded.position;
    } catch (error) {
      failed(error);
    } finally {
      this.isLooking = false;
    }
  }

  /** Returns the work of commits that were folded before the last look, by the handler. */
  private overdue(): Map<SettledEvents, (OwedWork & { readonly sequence: number })[]> {
    const { folded } = this.options;
    const overdue = new Map<SettledEvents, (OwedWork & { readonly sequence: number })[]>();
    for (const work of owedWork(folded)) {
      if (work.last > this.lookedAt) continue;
      const { settled, sequence } = folded.handlerOf(work.event) ?? {};
      if (!settled || sequence === undefined) continue;
      const others = overdue.get(settled);
      if (others) others.push({ ...work, sequence });
      else overdue.set(settled, [{ ...work, sequence }]);
    }
    return overdue;
  }

  private note({ event, last }: OwedWork): void {
    const { folded, sent, worked } = this.options;
    if (folded.unsent.has(event) || folded.left.has(event)) sent.noteUpTo(event, last);
    worked.noteDone(event);
  }
}
