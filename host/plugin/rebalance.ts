import { SharedTimer } from '../base/shared-timer';
import type { Time } from '../base/time';
import type { ExclusiveHandlers, GroupMember, HostGroup } from '../broker/host-group';
import { mayGive, handlerGroups, shareOf, type HandlerGroup } from './fair-share';

/** How long the runs of a handler may take that another host takes over. After that, this host keeps the handler. */
export const HAND_OVER_MS = 10_000;

/** A handler that runs on one host at a time. */
export interface ExclusiveHandler {
  readonly name: string;
  /** Whether this host runs it. */
  readonly isHeld: boolean;
  /** Whether no host runs it, and none asks for it. */
  readonly isOrphan: boolean;
  /** Sets whether this host takes it over when no other host runs it. */
  standBy(mayTake: boolean): void;
  /** Lets another host take it over. */
  handOver(): Promise<void>;
}

const CHECK_MS = 1_000;
/** A host that starts adds its handlers one after the other. It joins the group when it has added none for so long. */
const JOIN_AFTER_MS = 1_000;
/** A host does not ask for a handler that it has handed over for so long, so that another host gets it. */
const HOLD_OFF_MS = 3_000;
/** A handler whose runs took too long for a handover is handed over again after so long. Meanwhile others are tried. */
const KEEP_MS = 60_000;
/** A host takes a handler beyond its share when no other host has taken it for so long. */
const ADOPT_AFTER_MS = 10_000;

/**
 * Spreads the handlers that run on one host at a time fairly over the hosts of the deployment: a host that runs more than
 * its share hands over the rest, and a host that has its share takes no more.
 */
export class Rebalance implements GroupMember {
  private readonly members = new Set<ExclusiveHandler>();
  /** The handlers that this host hands over, or has handed over lately. */
  private readonly leaving = new Map<ExclusiveHandler, number>();
  /**
   * The handlers that this host has taken beyond its share, because no other host did: the others may wait for another
   * version of the plugin.
   */
  private readonly adopted = new Set<ExclusiveHandler>();
  /** The handlers whose runs took too long for a handover, and until when they are not handed over. */
  private readonly kept = new Map<ExclusiveHandler, number>();
  private readonly orphanedAtMs = new Map<ExclusiveHandler, number>();
  private readonly timer: SharedTimer<Rebalance>;
  private addedAtMs = 0;

  constructor(
    private readonly hosts: HostGroup,
    private readonly time: Time,
  ) {
    this.timer = new SharedTimer(CHECK_MS, (rebalance) => rebalance.check(), time);
  }

  add(handler: ExclusiveHandler): void {
    this.members.add(handler);
    this.addedAtMs = this.time.nowMs();
    this.timer.add(this);
  }

  /** Removes a handler that this host runs no more. Other hosts do not count this host when it has none left. */
  remove(handler: ExclusiveHandler): void {
    this.members.delete(handler);
    for (const notes of [this.leaving, this.kept, this.adopted, this.orphanedAtMs]) notes.delete(handler);
    if (this.members.size > 0) return;
    this.hosts.leave();
    this.timer.remove(this);
  }

  get handlers(): ExclusiveHandlers {
    const members = [...this.members];
    return { all: namesOf(members), held: namesOf(members.filter((handler) => this.counts(handler))) };
  }

  changed(): void {
    this.adopted.clear();
    // The host that has taken a handler from this one may now hand it over again, and waits for no other host.
    endNotes(this.leaving, Infinity);
    this.check();
  }

  private check(): void {
    const nowMs = this.time.nowMs();
    // Other hosts hand over handlers only when this host is ready to take them.
    if (nowMs - this.addedAtMs >= JOIN_AFTER_MS) this.hosts.join(this);
    endNotes(this.leaving, nowMs);
    endNotes(this.kept, nowMs);
    for (const group of handlerGroups(this.members, this.hosts.others)) this.shareOut(group, nowMs);
  }

  /** Hands over and takes handlers that the same hosts have, so that each of these hosts runs its share of them. */
  private shareOut(group: HandlerGroup<ExclusiveHandler>, nowMs: number): void {
    const held = group.handlers.filter((handler) => this.counts(handler));
    const share = shareOf(group, this.hosts.host, held.length);
    if (held.length > share && mayGive(group, held.length)) this.handOverLast(held, held.length - share);
    const isFull = held.length >= share;
    for (const handler of group.handlers) {
      if (handler.isHeld) continue;
      const isWanted = !isFull && !this.leaving.has(handler);
      const isLeft = this.adopted.has(handler) || this.orphanedForMs(handler, nowMs) >= ADOPT_AFTER_MS;
      if (!isWanted && isLeft) this.adopted.add(handler);
      else this.adopted.delete(handler);
      handler.standBy(isWanted || isLeft);
    }
  }

  /** Returns for how long no host has run the handler or asked for it. */
  private orphanedForMs(handler: ExclusiveHandler, nowMs: number): number {
    if (!handler.isOrphan) this.orphanedAtMs.delete(handler);
    else if (!this.orphanedAtMs.has(handler)) this.orphanedAtMs.set(handler, nowMs);
    return nowMs - (this.orphanedAtMs.get(handler) ?? nowMs);
  }

  /** Whether this host runs the handler, and hands it over if it has more than its share. */
  private counts(handler: ExclusiveHandler): boolean {
    return handler.isHeld && !this.leaving.has(handler) && !this.adopted.has(handler);
  }

  private handOverLast(held: readonly ExclusiveHandler[], count: number): void {
    const movable = held.filter((handler) => !this.kept.has(handler)).sort(byName);
    for (const handler of movable.slice(-count)) void this.handOver(handler);
  }

  private async handOver(handler: ExclusiveHandler): Promise<void> {
    this.leaving.set(handler, Infinity);
    handler.standBy(false);
    await handler.handOver();
    this.leaving.delete(handler);
    const [notes, ms] = handler.isHeld ? ([this.kept, KEEP_MS] as const) : ([this.leaving, HOLD_OFF_MS] as const);
    notes.set(handler, this.time.nowMs() + ms);
  }
}

/** Removes the notes that end before a time. */
function endNotes(notes: Map<ExclusiveHandler, number>, beforeMs: number): void {
  for (const [handler, untilMs] of notes) if (untilMs < beforeMs) notes.delete(handler);
}

function byName(a: ExclusiveHandler, b: ExclusiveHandler): number {
  return a.name < b.name ? -1 : 1;
}

function namesOf(handlers: readonly ExclusiveHandler[]): Set<string> {
  return new Set(handlers.map(({ name }) => name));
}
