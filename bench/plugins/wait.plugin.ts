import { setTimeout as sleep } from 'node:timers/promises';
import { Plugin, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Waits 5 ms for each event, as a handler does that calls a service. */
@Plugin({ description: 'Waits for a service' })
export class WaitPlugin {
  private readonly tally = meter.tally();

  @Subscribe({ from: 'beginning' })
  async wait(event: Played) {
    await sleep(5);
    this.tally.handled(event.n);
  }
}
