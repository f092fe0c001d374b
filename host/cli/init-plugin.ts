import type { NewFile } from './write-new';

/** The event that the next steps of `init` publish; it fits the contract below. */
export const FIRST_EVENT = {
  subject: 'orders.placed',
  fields: { order_id: 'o1', customer_id: 'c1', total: 1200 },
} as const;
export const FIRST_PLUGIN = 'customer-total';

/** The contract, the plugin and the test that a new project begins with. */
export const FIRST_PLUGIN_FILES: readonly NewFile[] = [
  {
    file: 'plugins/contracts/orders.ts',
    text: `import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/** A customer has placed an order. The total is in cents. */
export class OrderPlaced extends defineEvent(
  'orders.placed',
  z.object({ order_id: z.string().min(1), customer_id: z.string().min(1), total: z.int().nonnegative() }),
) {}
`,
  },
  {
    file: 'plugins/customer-total.plugin.ts',
    text: `import { Logger, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { OrderPlaced } from './contracts/orders';

@Plugin({ description: 'Adds up the orders of each customer' })
export class CustomerTotalPlugin {
  constructor(
    private readonly totals: Store<number>,
    private readonly log: Logger,
  ) {}

  @Subscribe()
  async add(event: OrderPlaced) {
    const total = await this.totals.update(event.customer_id, (before = 0) => before + event.total);
    this.log.info(\`\${event.customer_id} has ordered for \${total} cents\`);
  }
}
`,
  },
  {
    file: 'plugins/customer-total.test.ts',
    text: `import { testHost } from 'jetplug/testing';
import { OrderPlaced } from './contracts/orders';
import { CustomerTotalPlugin } from './customer-total.plugin';

test('adds up the orders of each customer', async () => {
  const host = await testHost([CustomerTotalPlugin]);
  await host.publish(OrderPlaced, { order_id: 'o1', customer_id: 'c1', total: 1200 });
  await host.publish(OrderPlaced, { order_id: 'o2', customer_id: 'c1', total: 300 });
  await host.publish(OrderPlaced, { order_id: 'o3', customer_id: 'c2', total: 50 });
  await host.settled();
  expect(await host.store(CustomerTotalPlugin).get('c1')).toBe(1500);
  expect(await host.store(CustomerTotalPlugin).get('c2')).toBe(50);
  expect(host.deadLetters()).toEqual([]);
  await host.stop();
});
`,
  },
];
