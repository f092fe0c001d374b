import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Counts all events under one key, with effects once. */
@Plugin({ description: 'Counts all plays' })
export class StoreOnePlugin {
  private readonly tally = meter.tally();

  constructor(private readonly plays: Store<number>) {}

  @Subscribe({ from: 'beginning', concurrency: 256 })
  async count(event: Played) {
    await this.plays.update('all', (n = 0) => n + 1);
    this.tally.ran(event.n);
  }
}
