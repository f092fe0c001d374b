import { TestClock, testHost } from 'jetplug/testing';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  PaymentTaken,
  RefundDue,
  StockDelivered,
  StockReserved,
} from '../../examples/recipes/orders/contracts/orders';
import { OrdersPlugin } from '../../examples/recipes/orders/orders.plugin';
import { PaymentPlugin } from '../../examples/recipes/orders/payment.plugin';
import { StockPlugin } from '../../examples/recipes/orders/stock.plugin';
import { PaymentService } from '../support/payment-service';
import { recipe } from '../support/recipe';

const ORDER = { order_id: 'o1', sku: 'tea', quantity: 2, cents: 900 };
const ALL = [OrdersPlugin, StockPlugin, PaymentPlugin];

let payments: PaymentService;
beforeEach(async () => {
  payments = await PaymentService.start();
});
afterEach(() => payments.stop());

async function start(plugins: typeof ALL = ALL) {
  const host = await testHost(plugins, {
    clock: new TestClock('2026-05-12T12:00:00.000Z'),
    config: recipe('orders').config,
    settings: plugins.includes(PaymentPlugin) ? { payment: { url: payments.url } } : {},
  });
  await host.publish(StockDelivered, { sku: 'tea', quantity: 10 });
  return host;
}

type Host = Awaited<ReturnType<typeof start>>;

async function place(host: Host, order = ORDER) {
  await host.publish(OrderPlaced, order);
  // Five events in a row, and requests to a service, may take long on a busy machine.
  await host.settled({ within: '20s' });
}

const freeIn = (host: Host) => host.store<number>(StockPlugin).get('tea');

test('confirms an order that is reserved and paid', async () => {
  const host = await start();
  await place(host);
  await host.stop();
  expect(host.published(OrderConfirmed)).toMatchObject([{ order_id: 'o1' }]);
  expect(host.published(OrderCancelled)).toEqual([]);
  expect(await freeIn(host)).toBe(8);
  expect(payments.made).toEqual(['charge-o1']);
  expect(host.deadLetters()).toEqual([]);
});

test('cancels an order whose payment fails, and releases its goods', async () => {
  payments.declined.add('o1');
  const host = await start();
  await place(host);
  await host.stop();
  expect(host.published(OrderCancelled)).toMatchObject([{ order_id: 'o1', reason: 'payment-failed' }]);
  expect(host.published(OrderConfirmed)).toEqual([]);
  expect(await freeIn(host)).toBe(10);
});

test('cancels an order that is out of stock, and takes no payment', async () => {
  const host = await start();
  await place(host, { ...ORDER, quantity: 11 });
  await host.stop();
  expect(host.published(OrderCancelled)).toMatchObject([{ reason: 'out-of-stock' }]);
  expect(payments.requests).toEqual([]);
  expect(await freeIn(host)).toBe(10);
});

test('cancels an order without an answer about its payment after 15 minutes, and releases its goods', async () => {
  const host = await start([OrdersPlugin, StockPlugin]);
  await host.publish(OrderPlaced, ORDER);
  await host.clock.advance('14m');
  expect(await freeIn(host)).toBe(8);
  expect(host.published(OrderCancelled)).toEqual([]);
  await host.clock.advance('2m');
  await host.settled();
  expect(host.published(OrderCancelled)).toMatchObject([{ order_id: 'o1', reason: 'payment-timeout' }]);
  expect(await freeIn(host)).toBe(10);
  expect(host.deadLetters()).toEqual([]);
  await host.stop();
});

test('refunds a payment that comes after its order was cancelled', async () => {
  const host = await start();
  await host.publish(OrderCancelled, { order_id: 'o1', reason: 'payment-timeout' });
  await host.store(OrdersPlugin).update('o1', () => ({ status: 'cancelled', event_id: 'e0' }));
  await host.publish(PaymentTaken, { order_id: 'o1', payment_id: 'p-o1' });
  await host.settled();
  await host.stop();
  expect(host.published(RefundDue)).toMatchObject([{ order_id: 'o1', payment_id: 'p-o1' }]);
  expect(host.published(OrderConfirmed)).toEqual([]);
  expect(payments.made).toEqual(['refund-p-o1']);
});

test('takes no payment for an order that is cancelled already', async () => {
  const host = await start([PaymentPlugin]);
  await host.publish(OrderCancelled, { order_id: 'o1', reason: 'payment-timeout' });
  await host.settled();
  await host.publish(StockReserved, { order_id: 'o1', cents: 900 });
  await host.settled();
  await host.stop();
  expect(payments.requests).toEqual([]);
});

test('takes one payment when the host dies after the charge', async () => {
  const host = await start([PaymentPlugin]);
  host.crashAt('before-commit');
  await host.publish(StockReserved, { order_id: 'o1', cents: 900 });
  await host.settled();
  await host.stop();
  expect(payments.requests).toEqual(['charges o1', 'charges o1']);
  expect(payments.made).toEqual(['charge-o1']);
  expect(host.published(PaymentTaken)).toMatchObject([{ order_id: 'o1', payment_id: 'p-o1' }]);
});

test('reserves the goods of an order once, however often the order comes', async () => {
  const host = await start();
  await place(host);
  await place(host);
  await host.stop();
  expect(await freeIn(host)).toBe(8);
  expect(host.published(OrderConfirmed)).toHaveLength(1);
});

test('confirms an order once, however often its payment is reported', async () => {
  const host = await start([OrdersPlugin]);
  for (let i = 0; i < 3; i++) await host.publish(PaymentTaken, { order_id: 'o1', payment_id: 'p-o1' });
  await host.settled();
  await host.stop();
  expect(host.published(OrderConfirmed)).toHaveLength(1);
  expect(host.published(RefundDue)).toEqual([]);
});

test('reserves nothing for an order that was cancelled before it came', async () => {
  const host = await start([StockPlugin]);
  await host.publish(OrderCancelled, { order_id: 'o1', reason: 'payment-timeout' });
  await host.settled();
  await place(host);
  expect(host.published(StockReserved)).toEqual([]);
  expect(await freeIn(host)).toBe(10);
  await host.stop();
});

test('releases the goods of an order once, however often it is cancelled', async () => {
  const host = await start([StockPlugin]);
  await place(host);
  for (let i = 0; i < 2; i++) await host.publish(OrderCancelled, { order_id: 'o1', reason: 'payment-failed' });
  await host.settled();
  expect(await freeIn(host)).toBe(10);
  await host.stop();
});

test('never sells more than there is, with many orders at once', async () => {
  const host = await start();
  await host.settled();
  const orders = Array.from({ length: 8 }, (_, i) => ({ ...ORDER, order_id: `o${i}` }));
  for (const order of orders) await host.publish(OrderPlaced, order);
  await host.settled({ within: '20s' });
  await host.stop();
  expect(host.published(OrderConfirmed)).toHaveLength(5);
  expect(host.published(OrderCancelled)).toHaveLength(3);
  expect(await freeIn(host)).toBe(0);
});
