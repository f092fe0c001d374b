import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Counts the events under a thousand keys, eight at a time. */
@Plugin({ description: 'Counts plays under a thousand keys' })
export class StoreFewPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly plays: Store<number>) {}

  @Subscribe({ from: 'beginning', concurrency: 8 })
  async count(event: Played) {
    await this.plays.update(`count-${event.n % 1_000}`, (n = 0) => n + 1);
    this.tally.ran(event.n, event.sent_ms);
  }
}
