import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';

export interface Outgoing {
  readonly subject: string;
  readonly event: object;
}

const TICK_MS = 20;
const ACK_MS = 2_000;
const PAUSE_MS = 50;
/** The maximal number of unconfirmed publishes; with more, the publisher waits. */
const MOST_UNDER_WAY = 1_000;

/**
 * Publishes at a steady rate. Each event has its own id and is sent again under this id until the stream confirms it, like
 * a publisher that loses nothing. A closed connection ends it, so that a test that fails leaves nothing behind.
 */
export class SteadyLoad {
  /** How long each event took until the stream had confirmed it, with all its repeats. */
  readonly confirmedAfterMs: number[] = [];
  private sent = 0;
  private ended = false;
  private readonly underWay = new Set<Promise<void>>();
  private readonly running: Promise<void>;

  /** @param make makes the n-th event, from 0 */
  constructor(
    private readonly nats: NatsConnection,
    private readonly name: string,
    private readonly perSecond: number,
    private readonly make: (n: number) => Outgoing,
  ) {
    this.running = this.run();
  }

  /** Stops publishing. Resolves with the number of events when the stream has confirmed them all. */
  async end(): Promise<number> {
    this.ended = true;
    await this.running;
    await Promise.all(this.underWay);
    return this.sent;
  }

  private async run(): Promise<void> {
    const perTick = (this.perSecond * TICK_MS) / 1_000;
    let due = 0;
    for (let next = performance.now(); !this.ended && !this.nats.isClosed(); next += TICK_MS) {
      await sleep(Math.max(0, next - performance.now()));
      if (this.underWay.size > MOST_UNDER_WAY) continue;
      for (due += perTick; this.sent < due;) this.send(this.sent++);
    }
  }

  private send(n: number): void {
    const sentMs = performance.now();
    const sending = publishUntilStored(this.nats, `${this.name}-${n}`, this.make(n));
    this.underWay.add(sending);
    void sending.then(() => {
      this.underWay.delete(sending);
      this.confirmedAfterMs.push(performance.now() - sentMs);
    });
  }
}

/** Gives up only if the connection is closed, because an event would be lost. */
async function publishUntilStored(nats: NatsConnection, msgID: string, { subject, event }: Outgoing): Promise<void> {
  const payload = JSON.stringify(event);
  while (!nats.isClosed()) {
    try {
      await nats.jetstream().publish(subject, payload, { msgID, timeout: ACK_MS });
      return;
    } catch {
      // The server is down, or it stored the event and died before its confirmation. The id identifies a repeat.
      await sleep(PAUSE_MS);
    }
  }
}
