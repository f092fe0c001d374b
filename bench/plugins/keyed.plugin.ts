import { setTimeout as sleep } from 'node:timers/promises';
import { Plugin, Subscribe } from 'jetplug/sdk';
import { Played } from './contract';

/** Takes a millisecond for each event, and handles the events of one viewer in order. */
@Plugin({ description: 'Follows each viewer' })
export class KeyedPlugin {
  private readonly tally = meter.tally();

  @Subscribe({ from: 'beginning', key: 'user_id', concurrency: 64 })
  async follow(event: Played) {
    await sleep(1);
    this.tally.handledInOrder(event.n, event.user_id);
  }
}
