/** The events of an order, in the order in which they happen. */
import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

const id = z.string().min(1).max(100);
const quantity = z.int().positive();
const cents = z.int().positive();

export class StockDelivered extends defineEvent('stock.delivered', z.object({ sku: id, quantity })) {}

export class OrderPlaced extends defineEvent('order.placed', z.object({ order_id: id, sku: id, quantity, cents })) {}

/** The goods are reserved. The event has the amount, so that the payment needs no other event. */
export class StockReserved extends defineEvent('stock.reserved', z.object({ order_id: id, cents })) {}

export class StockRefused extends defineEvent('stock.refused', z.object({ order_id: id })) {}

export class PaymentTaken extends defineEvent('payment.taken', z.object({ order_id: id, payment_id: id })) {}

export class PaymentFailed extends defineEvent('payment.failed', z.object({ order_id: id })) {}

export class OrderConfirmed extends defineEvent('order.confirmed', z.object({ order_id: id })) {}

/** The compensating event: each plugin takes back what it has done for the order. */
export class OrderCancelled extends defineEvent(
  'order.cancelled',
  z.object({ order_id: id, reason: z.enum(['out-of-stock', 'payment-failed', 'payment-timeout']) }),
) {}

/** A payment came for an order that was cancelled before. */
export class RefundDue extends defineEvent('payment.refund_due', z.object({ order_id: id, payment_id: id })) {}
