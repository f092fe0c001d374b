import { Plugin, Subscribe } from 'jetplug/sdk';
import { OrderPlaced } from '../../outbox/contracts';
import { SalesDatabase } from './sales-database';

const ADD = `
  INSERT INTO daily_sales (day, orders, cents) VALUES ($1, 1, $2)
  ON CONFLICT (day) DO UPDATE
  SET orders = daily_sales.orders + 1, cents = daily_sales.cents + excluded.cents`;

@Plugin({ description: 'Keeps the sales of each day in a Postgres table' })
export class SalesPlugin {
  constructor(private readonly database: SalesDatabase) {}

  @Subscribe({ from: 'beginning' })
  async add(event: OrderPlaced) {
    const day = event.timestamp.slice(0, 10);
    await this.database.once(event.event_id, (client) => client.query(ADD, [day, event.cents]));
  }
}
