import { Logger, Plugin, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** The same as an async function, with something to await. */
@Plugin({ description: 'Counts what is played' })
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
