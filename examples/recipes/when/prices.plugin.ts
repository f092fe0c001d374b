import { Clock, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { PriceAsked } from './contracts/shop';
import { priceOf } from './prices';

/** The price that a question was answered with, in cents, and when. */
export interface PriceAnswer {
  cents: number;
  at: string;
}

/** The wrong choice: the question waits like any event, and is answered when nobody needs the answer any more. */
@Plugin({ description: 'Answers what an article costs' })
export class PricesPlugin {
  constructor(
    private readonly answers: Store<PriceAnswer>,
    private readonly clock: Clock,
  ) {}

  @Subscribe()
  async answer({ question_id, sku }: PriceAsked) {
    const at = this.clock.now().toISOString();
    await this.answers.update(question_id, () => ({ cents: priceOf(sku), at }));
  }
}
