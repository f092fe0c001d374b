import { PIN_TIMEOUT_MS } from '../../host/nats/pin-config';
import type { Agenda, Item } from './agenda';
import type { Dice } from './dice';
import type { Faults } from './faults';
import type { Trace } from './trace';

const MOVES_WITHIN_MS = 5_000;

/** Why a host has not the pin any more. `moved`: the durable has a new leader, so messages on their way may be late. */
export type PinEnd = 'renewed too late' | 'given up' | 'moved';

/** The pin of a durable at the broker (ADR-42): the broker delivers only to the requests with it. */
export class BrokerPin {
  /** The pin of the host that the broker delivers to; undefined if the next request without a pin gets it. */
  id: string | undefined;
  /** Called when a host has lost the pin. */
  readonly ended = new Set<(why: PinEnd) => void>();
  private given = 0;
  private timeout: Item | undefined;

  constructor(
    private readonly world: {
      readonly agenda: Agenda;
      readonly dice: Dice;
      readonly faults: Faults;
      readonly trace: Trace;
    },
    private readonly durable: string,
  ) {}

  /** Gives the pin to the host that gets a message. */
  give(): string {
    const { agenda, dice, faults } = this.world;
    const id = `${this.durable} pin ${++this.given}`;
    this.id = id;
    this.wait();
    if (dice.chance(faults.movedPins)) {
      agenda.after(dice.between(0, MOVES_WITHIN_MS), () => this.id === id && this.takeBack('moved'));
    }
    return id;
  }

  /** Notes a request with a pin. Returns false if it is not the pin of the host that the broker delivers to. */
  renew(id: string): boolean {
    if (id !== this.id) return false;
    this.wait();
    return true;
  }

  takeBack(why: PinEnd): void {
    if (this.id === undefined) return;
    this.world.trace.add('broker', `${this.id} ends: ${why}`);
    this.id = undefined;
    if (this.timeout) this.timeout.isCancelled = true;
    for (const end of this.ended) end(why);
  }

  private wait(): void {
    if (this.timeout) this.timeout.isCancelled = true;
    this.timeout = this.world.agenda.after(PIN_TIMEOUT_MS, () => this.takeBack('renewed too late'));
  }
}
