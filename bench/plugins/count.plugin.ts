import { Logger, Plugin, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** A fast handler that returns no promise. */
@Plugin({ description: 'Counts plays' })
export class CountPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly log: Logger) {}

  @Subscribe({ from: 'beginning' })
  count(event: Played) {
    this.tally.handled(event.n, event.sent_ms);
    this.log.debug('counted', event);
  }
}
