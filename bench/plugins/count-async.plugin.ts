import { Logger, Plugin, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** The count plugin as an async function that awaits something. */
@Plugin({ description: 'Counts plays' })
export class CountAsyncPlugin {
  private readonly tally = meter.tally();

  constructor(private readonly log: Logger) {}

  @Subscribe({ from: 'beginning' })
  async count(event: Played) {
    await Promise.resolve();
    this.tally.handled(event.n, event.sent_ms);
    this.log.debug('counted', event);
  }
}
