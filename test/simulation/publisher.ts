import { Link } from './link';
import type { Planned } from './schedule';
import type { World } from './world';

const AGAIN_MS = 300;
/** Events at the end of a schedule, which close a circuit that is open. */
const CLOSING = 3;

/** Publishes the events of a schedule. It repeats each with the same id until the broker has confirmed it. */
export class Publisher {
  readonly link: Link;
  /** The events that the broker has confirmed. */
  readonly confirmed: Planned[] = [];
  private open = 0;

  constructor(
    private readonly world: World,
    private readonly events: readonly Planned[],
  ) {
    this.link = new Link(world, 'publisher', () => undefined);
  }

  get isDone(): boolean {
    return this.open === 0;
  }

  start(): void {
    for (const event of this.events) this.plan(event, event.atMs);
  }

  /** Publishes a few events that no handler fails at. */
  closing(): void {
    for (let i = 0; i < CLOSING; i++) {
      this.plan({ n: this.events.length + i, key: 'k0', kind: 'plain', atMs: 0, waitMs: 0, forMs: 0 }, i * 1_000);
    }
  }

  private plan(event: Planned, delayMs: number): void {
    this.open++;
    this.world.agenda.after(delayMs, () => void this.publish(event));
  }

  private async publish(event: Planned): Promise<void> {
    const { world, link } = this;
    const { n, key, kind, waitMs, forMs } = event;
    const nowMs = world.epochMs();
    const payload = JSON.stringify({
      event_type: 'sim.tick',
      event_id: `tick-${n}`,
      timestamp: new Date(nowMs).toISOString(),
      ...{ n, key, kind, waitMs: Math.round(waitMs), untilMs: Math.round(nowMs + forMs) },
    });
    const message = { subject: 'sim.tick', payload: Buffer.from(payload), headers: {}, id: `tick-${n}` };
    for (;;) {
      try {
        await link.request(`publish ${n} (${key}, ${kind})`, 'JP_PUBLISH_FAILED', async () => world.store(message));
        this.confirmed.push(event);
        this.open--;
        return;
      } catch {
        // The broker may have stored it. It drops another message with the same id.
        await new Promise<void>((resolve) => link.time.after(AGAIN_MS, resolve));
      }
    }
  }
}
