import { Plugin, Subscribe } from 'jetplug/sdk';
import { OrderPlaced } from '../../outbox/contracts';
import { SalesDatabase } from './sales-database';

const ADD = `
  INSERT INTO daily_sales (day, orders, cents) VALUES (?, 1, ?)
  ON CONFLICT (day) DO UPDATE SET orders = orders + 1, cents = cents + excluded.cents`;

@Plugin({ description: 'Keeps the sales of each day in a SQLite table' })
export class SalesPlugin {
  constructor(private readonly database: SalesDatabase) {}

  @Subscribe({ from: 'beginning' })
  add(event: OrderPlaced) {
    const day = event.timestamp.slice(0, 10);
    this.database.once(event.event_id, (db) => void db.prepare(ADD).run(day, event.cents));
  }
}
