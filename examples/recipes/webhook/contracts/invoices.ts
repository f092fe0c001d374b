import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/** An invoice was issued to a customer. A receiver gets these fields and the envelope, and nothing else. */
export class InvoiceIssued extends defineEvent(
  'invoice.issued',
  z.object({
    invoice_id: z.string().min(1),
    customer_id: z.string().min(1),
    cents: z.int().positive(),
    currency: z.string().length(3),
  }),
) {}
