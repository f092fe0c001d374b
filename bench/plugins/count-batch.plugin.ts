import { Logger, Plugin, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** The count plugin with batches of a hundred. */
@Plugin({ description: 'Counts plays' })
export class CountBatchPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly log: Logger) {}

  @Subscribe(Played, { from: 'beginning', batch: { size: 100, wait: '100ms' } })
  count(events: Played[]) {
    for (const event of events) this.tally.handled(event.n, event.sent_ms);
    this.log.debug('counted', { events: events.length });
  }
}
