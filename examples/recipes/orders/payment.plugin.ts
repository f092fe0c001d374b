import { EventBus, Plugin, Settings, Store, Subscribe, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { OrderCancelled, PaymentFailed, PaymentTaken, RefundDue, StockReserved } from './contracts/orders';

const schema = z.object({
  /** The address of the payment service, without a slash in the end: `POST <url>/charges`, `POST <url>/refunds`. */
  url: z.url(),
});

const chargeAnswer = z.object({ payment_id: z.string().min(1) });

@Plugin({ description: 'Takes and refunds payments', settings: schema })
export class PaymentPlugin {
  constructor(
    private readonly cancelled: Store<boolean>,
    private readonly events: EventBus,
    private readonly settings: Settings<z.infer<typeof schema>>,
  ) {}

  @Subscribe({ from: 'beginning', timeout: '10s' })
  async charge({ order_id, cents }: StockReserved, { signal }: EventContext) {
    if (await this.cancelled.get(order_id)) return;
    // The run may be repeated after the service has answered. The key makes the service answer the same again.
    const response = await this.post('charges', `charge-${order_id}`, { order_id, cents }, signal);
    if (response.status === 402) {
      await response.body?.cancel();
      await this.events.publish(PaymentFailed, { order_id });
    } else {
      const { payment_id } = chargeAnswer.parse(await jsonOf(response));
      await this.events.publish(PaymentTaken, { order_id, payment_id });
    }
  }

  @Subscribe({ from: 'beginning' })
  async cancel({ order_id }: OrderCancelled) {
    await this.cancelled.update(order_id, () => true);
  }

  @Subscribe({ from: 'beginning', timeout: '10s' })
  async refund({ payment_id }: RefundDue, { signal }: EventContext) {
    await jsonOf(await this.post('refunds', `refund-${payment_id}`, { payment_id }, signal));
  }

  private post(path: string, key: string, body: object, signal: AbortSignal): Promise<Response> {
    return fetch(`${this.settings.value.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal,
    });
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  if (response.ok) return response.json();
  await response.body?.cancel();
  throw new Error(`the payment service answered ${response.status}`);
}
