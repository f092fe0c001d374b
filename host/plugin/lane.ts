import type { Settlements } from '../effects/settlements';
import type { HostLog } from '../log';
import type { Delivery } from '../message/delivery';
import type { Handler } from '../message/handler';
import type { Intake } from '../message/intake';
import type { DurableSpec } from '../nats/consumers';
import { Pull } from '../nats/pull';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt } from './reconcile';

const REMAKE_DELAY_MS = 1_000;

export interface LaneOptions {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  readonly handler: Handler;
  readonly prefetch: number;
  /** What becomes of a delivery before the intake has it; nothing where it was answered here. */
  arrive(delivery: Delivery): Delivery | undefined;
}

/** One durable that feeds a handler's intake: its own stream's, or its retry road's. */
export class Lane {
  private readonly pull: Pull;
  private missing = false;
  private stopped = false;

  constructor(
    private readonly options: LaneOptions,
    intake: Intake,
    private readonly host: PluginHost,
    private readonly log: HostLog,
  ) {
    const { durable, handler, prefetch } = options;
    this.pull = new Pull(host.connection, durable.stream, durable.durable, {
      room: () => prefetch - intake.queued,
      deliver: (delivery) => {
        options.settlements.delivered(delivery);
        const arrived = options.arrive(delivery);
        if (arrived) intake.offer(arrived, handler);
      },
      gone: (why) => {
        this.missing = true;
        this.log.warn('the durable consumer is gone; making it again', { durable: durable.durable, why });
        void this.ensure();
      },
      returned: () => void this.ensure(),
      trouble: (message, details) => this.log.warn(message, { handler: handler.name, ...details }),
    });
    this.pull.start();
  }

  /** Whether its durable is gone and not made again yet. */
  get isMissing(): boolean {
    return this.missing;
  }

  request(): void {
    this.pull.request();
  }

  pause(): void {
    this.pull.pause();
  }

  probe(): void {
    this.pull.probe();
  }

  resume(): void {
    this.pull.resume();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.pull.stop();
  }

  /** When nothing runs any more: so that the next host knows. */
  async flush(): Promise<void> {
    await this.options.settlements.flush();
  }

  /** Makes the durable again where it stood, if it is gone, for as long as that takes; then goes on pulling. */
  private async ensure(): Promise<void> {
    const { durable, settlements } = this.options;
    while (!this.stopped) {
      try {
        await ensureDurableAt(durable, settlements, this.host);
        this.missing = false;
        this.pull.found();
        return;
      } catch (error) {
        this.log.warn('the durable consumer cannot be made yet', { durable: durable.durable, err: error });
        await new Promise((resolve) => setTimeout(resolve, REMAKE_DELAY_MS));
      }
    }
  }
}
