import { Plugin, Subscribe } from 'jetplug/sdk';
import { burn } from './burn';
import { Played } from './contract';

/** Keeps a CPU busy; it may run where there is no meter. */
@Plugin({ description: 'Works hard' })
export class BurnPlugin {
  @Subscribe({ from: 'beginning' })
  work(_event: Played) {
    burn();
  }
}
