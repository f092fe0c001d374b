import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

const id = z.string().min(1).max(100);

export class ProfileChanged extends defineEvent('shop.profile_changed', z.object({ user_id: id, name: z.string() })) {}

export class TransferRequested extends defineEvent(
  'shop.transfer_requested',
  z.object({ from: id, to: id, cents: z.int().positive() }),
) {}

export class TransferRefused extends defineEvent('shop.transfer_refused', z.object({ from: id, cents: z.int() })) {}

export class PriceAsked extends defineEvent('shop.price_asked', z.object({ question_id: id, sku: id })) {}
