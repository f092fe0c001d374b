import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { testHost } from 'jetplug/testing';

test('a run whose changes are larger than one commit fails, and leaves nothing', async () => {
  @Plugin({ name: 'large' })
  class LargePlugin {
    constructor(private readonly texts: Store<string>) {}

    @Subscribe('large.text', { retry: { attempts: 1 } })
    async keep(): Promise<void> {
      for (const key of ['a', 'b']) await this.texts.update(key, () => 'x'.repeat(600_000));
    }
  }
  const host = await testHost([LargePlugin]);
  await host.publish('large.text', {});
  await host.settled();
  expect(host.deadLetters()).toEqual([
    expect.objectContaining({ error: expect.stringContaining('one commit holds 1,048,576') }),
  ]);
  expect(await host.store(LargePlugin).keys()).toEqual([]);
  await host.stop();
});
