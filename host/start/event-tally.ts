import type { StoredEvent } from '../nats/stored-event';
import type { Judgement } from '../replay/replay-protocol';

/** How many events a contract has judged. */
export interface EventCounts {
  readonly judged: number;
  /** How many would become dead letters before their handler is called. */
  readonly refused: number;
  /** How many fit after an upcast. */
  readonly upcast: number;
}

/** A reason why events would be refused. An event has several if several of its fields do not fit. */
export interface ContractFault {
  /** The reason of the dead letter, such as `schema`. */
  readonly reason: string;
  /** The path of the field with dots, with `*` for the index in a list; empty for the event itself. */
  readonly field: string;
  readonly message: string;
  /** The number of events. */
  readonly events: number;
  /** The sequences of the first events. */
  readonly examples: readonly number[];
}

export interface ContractFaults {
  /** The most frequent first. */
  readonly byField: readonly ContractFault[];
  /** The number of issues that are not in `byField`, because their messages are too many. */
  readonly others: number;
}

/** A part of a stream that is read: the events of one subject from a sequence on. */
export interface Pass {
  readonly subject: string;
  readonly from: number;
  /** The first sequence that counts as one of the newest. */
  readonly storedFrom: number;
  /** The handlers that take the subject. The events behind the ack floor of a handler wait for it. */
  readonly waits: readonly { readonly handler: string; readonly ackFloor: number }[];
}

const MAX_EXAMPLES = 3;
/** The number of distinct faults that are kept. The messages of a validator may contain values of the events. */
const MAX_FAULTS = 100;

type Counts = { -readonly [Name in keyof EventCounts]: number };
type Fault = Omit<ContractFault, 'events' | 'examples'> & { events: number; readonly examples: number[] };

/** Counts the events that a contract has judged. */
export class EventTally {
  readonly stored: Counts = none();
  private readonly waiting = new Map<string, Counts>();
  private readonly byKey = new Map<string, Fault>();
  private others = 0;

  add(events: readonly StoredEvent[], { upcast, refused }: Judgement, pass: Pass): void {
    for (const { sequence } of events) for (const counts of this.countsOf(sequence, pass)) counts.judged++;
    for (const index of upcast) for (const counts of this.countsOf(events[index]!.sequence, pass)) counts.upcast++;
    for (const { index, reason, issues } of refused) {
      const { sequence } = events[index]!;
      for (const counts of this.countsOf(sequence, pass)) counts.refused++;
      // Several items of a list may have the same fault.
      const distinct = new Map(issues.map((issue) => [JSON.stringify(issue), issue]));
      for (const issue of distinct.values()) this.addFault({ reason, ...issue }, sequence);
    }
  }

  waitingOf(handler: string): EventCounts {
    return this.waiting.get(handler) ?? none();
  }

  get faults(): ContractFaults {
    return { byField: [...this.byKey.values()].sort((a, b) => b.events - a.events), others: this.others };
  }

  /** The counts that an event belongs to. */
  private countsOf(sequence: number, { storedFrom, waits }: Pass): Counts[] {
    const waiting = waits.filter(({ ackFloor }) => sequence > ackFloor).map(({ handler }) => this.countsFor(handler));
    return sequence >= storedFrom ? [this.stored, ...waiting] : waiting;
  }

  private countsFor(handler: string): Counts {
    const known = this.waiting.get(handler) ?? none();
    this.waiting.set(handler, known);
    return known;
  }

  private addFault(fault: Omit<ContractFault, 'events' | 'examples'>, sequence: number): void {
    const key = JSON.stringify([fault.reason, fault.field, fault.message]);
    const known = this.byKey.get(key) ?? { ...fault, events: 0, examples: [] };
    if (known.events === 0 && this.byKey.size >= MAX_FAULTS) {
      this.others++;
      return;
    }
    this.byKey.set(key, known);
    known.events++;
    if (known.examples.length < MAX_EXAMPLES) known.examples.push(sequence);
  }
}

function none(): Counts {
  return { judged: 0, refused: 0, upcast: 0 };
}
