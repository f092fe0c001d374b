import { EventBus, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { TransferRefused, TransferRequested } from './contracts/shop';

/**
 * The wrong choice where the caller needs the decision. The run is a transaction, so no balance is ever negative. But the
 * caller was answered before the run.
 */
@Plugin({ description: 'Moves money between accounts' })
export class AccountsPlugin {
  constructor(
    private readonly balances: Store<number>,
    private readonly events: EventBus,
  ) {}

  @Subscribe({ from: 'beginning' })
  async transfer({ from, to, cents }: TransferRequested) {
    const balance = (await this.balances.get(from)) ?? 0;
    if (balance < cents) {
      await this.events.publish(TransferRefused, { from, cents });
      return;
    }
    await this.balances.update(from, () => balance - cents);
    await this.balances.update(to, (other = 0) => other + cents);
  }
}
