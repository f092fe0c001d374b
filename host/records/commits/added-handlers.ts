import type { EventOf } from './commit';

/** The settled events of one handler, to which the log adds those that commits settle. */
export interface SettledEvents {
  readonly durable: string;
  /** The time at which the durable's stream was created. */
  readonly streamIncarnation: string;
  has(sequence: number): boolean;
  /** Notes that a commit has settled all sequences from `from` to `to`. */
  noteSettled(from: number, to: number): void;
  /** Reads the stored sequences again, to learn of those that other hosts have stored. */
  refresh(): Promise<void>;
  /** Stores all noted sequences, so that the log is not needed for them any more. */
  store(): Promise<void>;
  /** Called when another host has claimed the handler. Default: nothing is done. */
  claimedElsewhere?(): void;
  /** Reads the sequence up to which the server delivers no event any more; 0 if it is not known. */
  ackFloor(): Promise<number>;
}

/** The handlers that receive the events that commits settle, by their durable and the incarnation of its stream. */
export class AddedHandlers {
  private readonly byName = new Map<string, SettledEvents>();
  /** The handler that was found last. Consecutive events mostly have the same, so its name is seldom built. */
  private last: SettledEvents | undefined;

  add(settled: SettledEvents): void {
    this.byName.set(sourceKey(settled.durable, settled.streamIncarnation), settled);
    this.last = undefined;
  }

  /** Returns the handler of an event. */
  of({ durable, incarnation }: Pick<EventOf, 'durable' | 'incarnation'>): SettledEvents | undefined {
    const { last } = this;
    if (last?.durable === durable && last.streamIncarnation === incarnation) return last;
    return (this.last = this.byName.get(sourceKey(durable, incarnation)));
  }

  /** Notes that another host has claimed the handler with this durable. */
  lost(durable: string): void {
    for (const settled of this.byName.values()) if (settled.durable === durable) settled.claimedElsewhere?.();
  }

  get all(): readonly SettledEvents[] {
    return [...this.byName.values()];
  }
}

/** Returns a text that names a durable on one incarnation of its stream. */
export function sourceKey(durable: string, incarnation: string): string {
  return `${durable} ${incarnation}`;
}
