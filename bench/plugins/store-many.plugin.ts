import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Counts the events of each viewer, with effects once. */
@Plugin({ description: 'Counts each viewer’s plays' })
export class StoreManyPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly plays: Store<number>) {}

  @Subscribe({ from: 'beginning', concurrency: 256 })
  async count(event: Played) {
    await this.plays.update(event.user_id, (n = 0) => n + 1);
    this.tally.handled(event.n);
  }
}
