import { Plugin, Subscribe } from 'jetplug/sdk';
import { burn } from './burn';
import { Played } from './contract';

/** Keeps a CPU busy. It uses no meter, because it may run in a process without one. */
@Plugin({ description: 'Works hard' })
export class BurnPlugin {
  @Subscribe({ from: 'beginning' })
  work(_event: Played) {
    burn();
  }
}
