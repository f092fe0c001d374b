import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { ProfileChanged } from './contracts/shop';

/** The wrong choice: a contract, a stream, a plugin and a store, for a value that one program writes and reads. */
@Plugin({ description: 'Keeps the names of users' })
export class ProfilesPlugin {
  constructor(private readonly names: Store<string>) {}

  @Subscribe({ from: 'beginning', key: 'user_id' })
  async save({ user_id, name }: ProfileChanged) {
    await this.names.update(user_id, () => name);
  }
}
