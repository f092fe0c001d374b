import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/** A customer has placed an order. */
export class OrderPlaced extends defineEvent(
  'order.placed',
  z.object({ order_id: z.uuid(), customer: z.string().min(1), cents: z.int().positive() }),
) {}
