import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Counts the events under a thousand keys in batches of a hundred, with effects once for each event. */
@Plugin({ description: 'Counts plays under a thousand keys' })
export class StoreBatchPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly plays: Store<number>) {}

  @Subscribe(Played, { from: 'beginning', batch: { size: 100, wait: '100ms' } })
  async count(events: Played[]) {
    await Promise.all(
      events.map((event) => this.plays.update(`count-${event.n % 1_000}`, (n = 0) => n + 1, { for: event })),
    );
    for (const event of events) this.tally.ran(event.n);
  }
}
