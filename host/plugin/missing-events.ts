import type { Delivery } from '../broker/delivery';
import type { DurableSpec } from '../broker/durable';
import type { DurablePull } from '../broker/pull';
import type { Handler } from '../message/handler';
import type { Intake } from '../message/intake/intake';
import type { PluginHost } from './plugin-host';
import { RedeliveryWait } from './redelivery-wait';

export interface MissingEventsOptions {
  readonly durable: DurableSpec;
  readonly intake: Intake;
  readonly pull: Pick<DurablePull, 'request'>;
  /** Whether a repair of the durable is under way, which decides by itself about a new wait. */
  isRepaired(): boolean;
}

/**
 * The wait of a feed for events that were delivered before and are not settled, where the server cannot be asked to
 * deliver them again in order. The arrivals in the meantime are collected, so that none overtakes a missing event of its
 * key.
 */
export class MissingEvents {
  private wait: RedeliveryWait | undefined;

  constructor(
    private readonly options: MissingEventsOptions,
    private readonly host: Pick<PluginHost, 'broker' | 'time'>,
  ) {}

  get areAwaited(): boolean {
    return this.wait !== undefined;
  }

  /** The number of further deliveries that may be requested during the wait; undefined without one. */
  get capacity(): number | undefined {
    return this.wait?.capacity;
  }

  /** Begins a wait in place of an earlier one, whose arrivals stay collected. */
  await(missing: number): void {
    const { durable, intake, pull } = this.options;
    this.wait?.cancel();
    intake.collectArrivals();
    this.wait = new RedeliveryWait(missing, durable.ackWaitMs, this.host.time, {
      more: () => pull.request(),
      isServed: () => this.isServed(),
      done: () => {
        this.end();
        pull.request();
      },
    });
    this.wait.start();
  }

  /** Passes a delivery to the intake. */
  offer(delivery: Delivery, accepted: Delivery | undefined, handler: Handler): void {
    const { wait } = this;
    const { intake } = this.options;
    const isKnown = wait !== undefined && intake.stateOf(delivery) !== undefined;
    if (accepted) intake.offer(accepted, handler);
    wait?.arrived(delivery, isKnown);
  }

  /** Ends the wait: the collected arrivals are handled. */
  end(): void {
    if (!this.wait) return;
    this.cancel();
    this.wait = undefined;
    this.options.intake.queueCollected();
  }

  cancel(): void {
    this.wait?.cancel();
  }

  /** Whether the server answers. */
  private async isServed(): Promise<boolean> {
    const { stream, durable } = this.options.durable;
    const position = await this.host.broker.durablePosition(stream, durable).catch(() => undefined);
    return position !== undefined && !this.options.isRepaired();
  }
}
