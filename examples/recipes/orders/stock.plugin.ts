import { EventBus, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { OrderCancelled, OrderPlaced, StockDelivered, StockRefused, StockReserved } from './contracts/orders';

/** The goods of one order. A quantity of 0 means that nothing is reserved, and nothing will be. */
export interface Reservation {
  sku: string;
  quantity: number;
}

@Plugin({ description: 'Reserves goods for orders, and releases those of cancelled orders' })
export class StockPlugin {
  private readonly reservations: Store<Reservation>;

  constructor(
    private readonly free: Store<number>,
    private readonly events: EventBus,
  ) {
    this.reservations = free.scope('reservations');
  }

  @Subscribe({ from: 'beginning' })
  async deliver({ sku, quantity }: StockDelivered) {
    await this.free.update(sku, (free = 0) => free + quantity);
  }

  @Subscribe({ from: 'beginning' })
  async reserve({ order_id, sku, quantity, cents }: OrderPlaced) {
    // The order may come twice, or after its end. Reads and changes are one transaction, so no two runs take the same goods.
    if (await this.reservations.get(order_id)) return;
    const free = (await this.free.get(sku)) ?? 0;
    if (free < quantity) {
      await this.events.publish(StockRefused, { order_id });
      return;
    }
    await this.free.update(sku, () => free - quantity);
    await this.reservations.update(order_id, () => ({ sku, quantity }));
    await this.events.publish(StockReserved, { order_id, cents });
  }

  /** The compensation. It works once, and also if it comes before the order itself. */
  @Subscribe({ from: 'beginning' })
  async release({ order_id }: OrderCancelled) {
    const { sku = '', quantity = 0 } = (await this.reservations.get(order_id)) ?? {};
    if (quantity > 0) await this.free.update(sku, (free = 0) => free + quantity);
    await this.reservations.update(order_id, () => ({ sku, quantity: 0 }));
  }
}
