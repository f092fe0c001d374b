import type { RunChanges } from '../../../../host/records/commits/commit';
import type { SettledEvents } from '../../../../host/records/commits/added-handlers';
import { SettledSet } from '../../../../host/records/settled-set';
import type { Draw } from '../../../support/draws';
import { turns } from './fake-log';

/** The operations of one event's handler. */
export type Step =
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'add'; readonly key: string }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'publish' }
  | { readonly do: 'wait' }
  | { readonly do: 'throw' }
  | { readonly do: 'commit' };
export type Program = readonly Step[];

export const KEYS = ['a', 'b', 'c'];
export const DURABLE = 'p-h';
export const INCARNATION = '2026-01-01T00:00:00Z';

/** Returns the parts of a program: one for each early commit point, and the rest. */
export function partsOf(program: Program): Program[] {
  const parts: Step[][] = [[]];
  for (const step of program) {
    if (step.do === 'commit') parts.push([]);
    else parts.at(-1)!.push(step);
  }
  return parts;
}

/** Whether a run of the program has something to commit. */
export function hasEffect(program: Program): boolean {
  return program.some((one) => ['add', 'delete', 'publish', 'commit'].includes(one.do));
}

/** Names a part of an event's program in the commits of a host. */
export function partName(host: string, { event, part }: Pick<RunChanges, 'event' | 'part'>): string {
  return `${host} ${event!.sequence} ${part ?? 'last'}`;
}

/** Settled events as one host knows them. All hosts share the record, which is on the server. */
export class SharedSettled implements SettledEvents {
  readonly durable = DURABLE;
  readonly streamIncarnation = INCARNATION;
  private readonly noted = new SettledSet();
  /** The server's ack floor. */
  floor = 0;
  constructor(
    private readonly record: SettledSet,
    private readonly draw: Draw,
  ) {
    this.noted.merge(record);
  }
  has(sequence: number): boolean {
    return this.noted.has(sequence);
  }
  noteSettled(from: number, to: number): void {
    this.noted.add(from, to);
  }
  async refresh(): Promise<void> {
    await turns(this.draw);
    this.noted.merge(this.record);
  }
  async store(): Promise<void> {
    const stored = new SettledSet(this.noted.toJSON());
    await turns(this.draw);
    this.record.merge(stored);
  }
  async ackFloor(): Promise<number> {
    await turns(this.draw);
    return this.floor;
  }
}

/** The stream of events: each event is delivered to one host at a time, until it is acknowledged. */
export class Deliveries {
  private readonly open: number[];
  private readonly held = new Map<number, string>();
  readonly acked = new Set<number>();
  constructor(readonly programs: readonly Program[]) {
    this.open = programs.map((_, i) => i + 1);
  }
  next(host: string): number | undefined {
    const sequence = this.open.shift();
    if (sequence !== undefined) this.held.set(sequence, host);
    return sequence;
  }
  ack(sequence: number): void {
    this.held.delete(sequence);
    this.acked.add(sequence);
  }
  nak(sequence: number): void {
    if (this.acked.has(sequence) || this.open.includes(sequence)) return;
    this.held.delete(sequence);
    this.open.unshift(sequence);
  }
  /** Delivers again all events that a host has, which may be running still. */
  redeliver(host: string): void {
    for (const [sequence, by] of [...this.held]) if (by === host) this.nak(sequence);
  }
  get isDone(): boolean {
    return this.acked.size === this.programs.length;
  }
}
