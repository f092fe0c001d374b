import type { DurablePosition, DurableSpec } from '../broker/durable';
import type { Connection } from '../nats/connection';
import { storedAfter } from '../nats/streams';

/** The shortest time between two requests about one handler, however often `/metrics` is read. */
const ASK_EVERY_MS = 15_000;

type LagOf = Pick<DurableSpec, 'stream' | 'durable' | 'subject'>;

/** The oldest unhandled event of a handler, as the last request found it. */
interface Oldest {
  readonly askedAtMs: number;
  /** The ack floor at that time. */
  readonly ackFloor: number;
  /** When the stream stored the event; undefined if the stream holds none, or the server did not answer. */
  readonly storedAtMs: number | undefined;
}

/**
 * The age of the oldest event that a handler has not settled. It is the first event behind the durable's ack floor,
 * delivered or not. Events in the retry queue do not count, because they have left the stream.
 */
export class HandlerLags {
  /** By the handler's durable, so that the entries of handlers that are gone are removed by themselves. */
  private readonly known = new WeakMap<LagOf, Oldest>();

  constructor(private readonly nowMs: () => number = Date.now) {}

  /**
   * Returns the lag in seconds: 0 if the handler has no unhandled event, undefined if its lag is not known. Sends at
   * most one request in 15 s for each handler, and none for a handler without unhandled events.
   */
  async lagS(
    durable: LagOf,
    position: DurablePosition | undefined,
    connection: Connection,
  ): Promise<number | undefined> {
    if (!position) return undefined;
    const { pending, inFlight, ackFloor } = position;
    if (pending === 0 && inFlight === 0) return 0;
    const nowMs = this.nowMs();
    const before = this.known.get(durable);
    if (before && nowMs - before.askedAtMs < ASK_EVERY_MS) return lagBetween(before, ackFloor, nowMs);
    const storedAtMs = await storedAfter(connection, durable.stream, ackFloor, durable.subject).catch(() => undefined);
    this.known.set(durable, { askedAtMs: nowMs, ackFloor, storedAtMs });
    return storedAtMs === undefined ? undefined : ageS(storedAtMs, nowMs);
  }
}

/**
 * The lag between two requests. If the ack floor has moved, the oldest event of the last request is settled, so its age
 * does not grow any more.
 */
function lagBetween({ storedAtMs, askedAtMs, ackFloor }: Oldest, floor: number, nowMs: number): number | undefined {
  return storedAtMs === undefined ? undefined : ageS(storedAtMs, floor === ackFloor ? nowMs : askedAtMs);
}

function ageS(storedAtMs: number, nowMs: number): number {
  return Math.max(0, nowMs - storedAtMs) / 1_000;
}
