import type { Delivery } from '../broker/delivery';
import type { DurableSpec } from '../broker/durable';
import type { PluginBroker } from '../broker/plugin-broker';
import { RECORDS_STREAM } from '../broker/stream-state';
import type { PartedLog } from '../log/log';
import type { Handler } from '../message/handler';
import type { Settlements } from '../records/settlements';

export interface FeedTargetOptions {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  /** Returns the handler's current version, with these settlements. */
  handlerFor(settlements: Settlements): Handler;
  /** Reads the settlements of the stream as it is now. */
  openSettlements(): Promise<Settlements>;
}

/** The handler that a feed delivers to, and the settlements of the stream that the feed pulls from. */
export class FeedTarget {
  settlements: Settlements;
  handler: Handler;

  constructor(
    private readonly options: FeedTargetOptions,
    private readonly broker: Pick<PluginBroker, 'whenChecked' | 'streamCreated'>,
    private readonly log: PartedLog,
  ) {
    this.settlements = options.settlements;
    this.handler = options.handlerFor(options.settlements);
  }

  /** Uses the handler's new version for later deliveries. */
  renewHandler(): void {
    this.handler = this.options.handlerFor(this.settlements);
  }

  /** Settles an event that the handler does not subscribe to. */
  skip(delivery: Delivery): void {
    const { subject, sequence } = delivery;
    const handler = this.handler.name;
    this.log.info('skipped an event that the handler does not subscribe to', { handler, subject, sequence });
    this.settlements.settle(sequence);
    delivery.term('the handler does not subscribe to it');
  }

  /** Returns the settlements of the stream as it is now: see {@link renewStream}. */
  async currentSettlements(isOver: () => boolean, replaced: () => void): Promise<Settlements> {
    await this.renewStream(isOver, replaced);
    return this.settlements;
  }

  /**
   * Replaces the settlements if the stream was created anew. No message of the new stream is settled, so the handler
   * gets all of them.
   * @param isOver called after each wait; if it returns true, nothing is replaced
   * @param replaced called in the turn of the replacement, so that no delivery of the old stream is settled in the new one
   */
  async renewStream(isOver: () => boolean, replaced: () => void): Promise<void> {
    const { durable, openSettlements, handlerFor } = this.options;
    this.settlements.forgetDeliveries();
    // After a server has lost its data, the host restores the streams and its own records first.
    await this.broker.whenChecked(durable.stream, RECORDS_STREAM);
    if ((await this.broker.streamCreated(durable.stream)) === this.settlements.streamIncarnation) return;
    const settlements = await openSettlements();
    if (isOver()) return;
    settlements.settleUpTo(0);
    const { last } = this.settlements;
    this.settlements = settlements;
    this.handler = handlerFor(settlements);
    replaced();
    this.log.warn('the stream was made again; its events are taken from its beginning', {
      stream: durable.stream,
      durable: durable.durable,
      lastHandled: last,
    });
  }
}
