import { Clock, EventBus, Plugin, RetryLater, Settings, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  PaymentFailed,
  PaymentTaken,
  RefundDue,
  StockRefused,
} from './contracts/orders';

const schema = z.object({
  /** How long an order waits for its payment, in minutes. Then it is cancelled. */
  paymentMinutes: z.number().positive().default(15),
});

/** How an order ended, and the event that ended it. */
export interface Ending {
  status: 'confirmed' | 'cancelled';
  event_id: string;
}

/** Events of one order may arrive in any order and more than once. The first one that ends the order decides. */
@Plugin({ description: 'Confirms or cancels orders', settings: schema })
export class OrdersPlugin {
  constructor(
    private readonly endings: Store<Ending>,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly settings: Settings<z.infer<typeof schema>>,
  ) {}

  @Subscribe({ from: 'beginning' })
  async confirm(event: PaymentTaken) {
    const { order_id, payment_id } = event;
    const ending = await this.end(event, 'confirmed');
    if (ending.status === 'cancelled') await this.events.publish(RefundDue, { order_id, payment_id });
    else if (ending.event_id === event.event_id) await this.events.publish(OrderConfirmed, { order_id });
  }

  @Subscribe({ from: 'beginning' })
  async refuse(event: StockRefused) {
    await this.cancel(event, 'out-of-stock');
  }

  @Subscribe({ from: 'beginning' })
  async fail(event: PaymentFailed) {
    await this.cancel(event, 'payment-failed');
  }

  @Subscribe({ from: 'beginning' })
  async expire(event: OrderPlaced, { time }: EventContext) {
    const waitMs = time.getTime() + this.settings.value.paymentMinutes * 60_000 - this.clock.now().getTime();
    // The host keeps the event and runs the handler again at that time, also after a restart. No attempt counts.
    if (waitMs > 0) throw new RetryLater(`${waitMs}ms`, 'the payment may still come');
    await this.cancel(event, 'payment-timeout');
  }

  private async cancel(event: OrderEvent, reason: OrderCancelled['reason']) {
    const { event_id } = await this.end(event, 'cancelled');
    if (event_id === event.event_id) await this.events.publish(OrderCancelled, { order_id: event.order_id, reason });
  }

  private end({ order_id, event_id }: OrderEvent, status: Ending['status']): Promise<Ending> {
    return this.endings.update(order_id, (ending = { status, event_id }) => ending);
  }
}

interface OrderEvent {
  readonly order_id: string;
  readonly event_id: string;
}
