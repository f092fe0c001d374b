import type { Settlements } from '../effects/settlements';
import type { PartedLog } from '../log';
import type { Delivery } from '../message/delivery';
import type { Handler } from '../message/handler';
import type { Intake } from '../message/intake';
import type { DurableSpec } from '../nats/consumers';
import { RECORDS_STREAM } from '../nats/kept-streams';
import { CatchUp } from './catch-up';
import type { DurablePull } from './plugin-broker';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt } from './reconcile';

const REMAKE_DELAY_MS = 1_000;

export interface LaneOptions {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  /** The handler as it is set up for a stream. */
  handlerFor(settlements: Settlements): Handler;
  /** Whether it is the retry road, whose events have lost their place already. */
  readonly isRoad: boolean;
  /** What is settled of the stream as it is now. */
  openSettlements(): Promise<Settlements>;
  /** What becomes of a delivery before the intake has it; nothing where it was answered here. */
  arrive(delivery: Delivery): Delivery | undefined;
}

/** One durable that feeds a handler's intake: its own stream's, or its retry road's. */
export class Lane {
  private readonly pull: DurablePull;
  private settlements: Settlements;
  private handler: Handler;
  private catchUp: CatchUp | undefined;
  private missing = false;
  /** Each look for the durable has a number; only the newest goes on. */
  private look = 0;
  private stopped = false;

  constructor(
    private readonly options: LaneOptions,
    private readonly intake: Intake,
    private readonly host: PluginHost,
    private readonly log: PartedLog,
  ) {
    const { durable } = options;
    this.settlements = options.settlements;
    this.handler = options.handlerFor(options.settlements);
    this.pull = host.broker.pull(durable.stream, durable.durable, {
      room: () => this.catchUp?.room ?? intake.room,
      deliver: (delivery) => {
        this.settlements.delivered(delivery);
        const arrived = options.arrive(delivery);
        if (arrived) intake.offer(arrived, this.handler);
        this.catchUp?.arrived(delivery);
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
    this.pull.start({ held: this.inOrder });
    // What is unsettled when it begins decides what it waits for.
    if (this.inOrder) void this.ensure();
  }

  private get inOrder(): boolean {
    return this.handler.key !== undefined && !this.options.isRoad;
  }

  /** Whether it waits for older events, so that those of one key come in order. */
  get isCatchingUp(): boolean {
    return this.catchUp !== undefined;
  }

  /** Whether its durable is gone and not made again yet, or may be and was not looked for yet. */
  get isMissing(): boolean {
    return this.missing;
  }

  /** The handler has a new version. */
  renew(): void {
    this.handler = this.options.handlerFor(this.settlements);
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
    this.catchUp?.cancel();
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
        const { inFlight } = await ensureDurableAt(durable, this.settlements, this.host);
        if (isOver()) return;
        this.missing = false;
        this.waitForUnsettled(inFlight);
        this.pull.found();
        return;
      } catch (error) {
        if (isOver()) return;
        this.log.warn('the durable consumer cannot be made yet', { durable: durable.durable, err: error });
        await new Promise<void>((resolve) => void this.host.time.after(REMAKE_DELAY_MS, resolve));
      }
    }
  }

  /** Events that others hold, or that were lost on the way here, come again: with a key, none of the later ones may overtake them. */
  private waitForUnsettled(inFlight: number): void {
    const missing = inFlight - this.intake.heldOf(this.handler);
    if (!this.inOrder || missing <= 0) return;
    this.catchUp?.cancel();
    this.intake.holdUp();
    this.catchUp = new CatchUp(missing, this.options.durable.ackWaitMs, this.host.time, {
      more: () => this.pull.request(),
      done: () => {
        this.catchUp = undefined;
        this.intake.letIn();
        this.pull.request();
      },
    });
  }

  /** A stream that was made again is another one: none of its messages is settled, and all of them are the handler's. */
  private async renewSettlements(isOver: () => boolean): Promise<void> {
    const { durable, openSettlements, handlerFor } = this.options;
    const { broker } = this.host;
    this.settlements.forgetDeliveries();
    // A server that lost its data is given its streams and the host's records again first.
    await broker.whenChecked(durable.stream, RECORDS_STREAM);
    if ((await broker.streamCreated(durable.stream)) === this.settlements.generation) return;
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
