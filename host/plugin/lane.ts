import type { Settlements } from '../effects/settlements';
import type { HostLog } from '../log';
import type { Delivery } from '../message/delivery';
import type { Handler } from '../message/handler';
import type { Intake } from '../message/intake';
import type { DurableSpec } from '../nats/consumers';
import { Pull } from '../nats/pull';
import { RECORDS_STREAM } from '../nats/kept-streams';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt } from './reconcile';

const REMAKE_DELAY_MS = 1_000;

export interface LaneOptions {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  /** The handler as it is set up for a stream. */
  handlerFor(settlements: Settlements): Handler;
  /** What is settled of the stream as it is now. */
  openSettlements(): Promise<Settlements>;
  readonly prefetch: number;
  /** What becomes of a delivery before the intake has it; nothing where it was answered here. */
  arrive(delivery: Delivery): Delivery | undefined;
}

/** One durable that feeds a handler's intake: its own stream's, or its retry road's. */
export class Lane {
  private readonly pull: Pull;
  private settlements: Settlements;
  private handler: Handler;
  private missing = false;
  /** Each look for the durable has a number; only the newest goes on. */
  private look = 0;
  private stopped = false;

  constructor(
    private readonly options: LaneOptions,
    intake: Intake,
    private readonly host: PluginHost,
    private readonly log: HostLog,
  ) {
    const { durable, prefetch } = options;
    this.settlements = options.settlements;
    this.handler = options.handlerFor(options.settlements);
    this.pull = new Pull(host.connection, durable.stream, durable.durable, {
      room: () => prefetch - intake.queued,
      deliver: (delivery) => {
        this.settlements.delivered(delivery);
        const arrived = options.arrive(delivery);
        if (arrived) intake.offer(arrived, this.handler);
      },
      gone: (why) => {
        this.missing = true;
        this.log.warn('the durable consumer is gone; making it again', { durable: durable.durable, why });
        void this.ensure();
      },
      returned: () => {
        // Until it was looked for it counts as gone: nothing is pulled meanwhile.
        this.missing = true;
        void this.ensure();
      },
      trouble: (message, details) => this.log.warn(message, { handler: this.handler.name, ...details }),
    });
    this.pull.start();
  }

  /** Whether its durable is gone and not made again yet, or may be and was not looked for yet. */
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
    await this.settlements.flush();
  }

  /** Makes the durable again where it stood, if it is gone, for as long as that takes; then goes on pulling. */
  private async ensure(): Promise<void> {
    const { durable } = this.options;
    const look = ++this.look;
    const isOver = (): boolean => this.stopped || look !== this.look;
    while (!isOver()) {
      try {
        await this.renewSettlements(isOver);
        if (isOver()) return;
        await ensureDurableAt(durable, this.settlements, this.host);
        if (isOver()) return;
        this.missing = false;
        this.pull.found();
        return;
      } catch (error) {
        if (isOver()) return;
        this.log.warn('the durable consumer cannot be made yet', { durable: durable.durable, err: error });
        await new Promise((resolve) => setTimeout(resolve, REMAKE_DELAY_MS));
      }
    }
  }

  /** A stream that was made again is another one: none of its messages is settled, and all of them are the handler's. */
  private async renewSettlements(isOver: () => boolean): Promise<void> {
    const { durable, openSettlements, handlerFor } = this.options;
    const { kept } = this.host;
    this.settlements.forgetDeliveries();
    // A server that lost its data is given its streams and the host's records again first.
    await kept.whenChecked(durable.stream, RECORDS_STREAM);
    if ((await kept.created(durable.stream)) === this.settlements.generation) return;
    const settlements = await openSettlements();
    if (isOver()) return;
    settlements.settleUpTo(0);
    const { last } = this.settlements;
    this.settlements = settlements;
    this.handler = handlerFor(settlements);
    this.pull.disown();
    this.log.warn('the stream was made again; its events are taken from its beginning', {
      stream: durable.stream,
      durable: durable.durable,
      lastHandled: last,
    });
  }
}
