import { Plugin, Subscribe, type EventContext } from 'jetplug/sdk';
import { InvoiceIssued } from './contracts/invoices';
import { Webhook, WEBHOOK, webhookSettings } from './webhook';

@Plugin({ description: 'Sends issued invoices to the CRM', settings: webhookSettings })
export class CrmWebhookPlugin {
  constructor(private readonly webhook: Webhook) {}

  onStart() {
    return this.webhook.check();
  }

  @Subscribe(InvoiceIssued, WEBHOOK)
  send(event: InvoiceIssued, context: EventContext) {
    return this.webhook.send(event, context);
  }
}
