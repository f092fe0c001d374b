import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Counts the events of each viewer in batches of a hundred, with effects once for each event. */
@Plugin({ description: 'Counts each viewer’s plays' })
export class StoreBatchPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly plays: Store<number>) {}

  @Subscribe(Played, { from: 'beginning', batch: { size: 100, wait: '100ms' } })
  async count(events: Played[]) {
    await Promise.all(events.map((event) => this.plays.update(event.user_id, (n = 0) => n + 1, { for: event })));
    for (const event of events) this.tally.handled(event.n);
  }
}
