/** The cases of docs/when.md in which events are the wrong choice: each fault of the events, and the right behaviour. */
import { RetryLater } from 'jetplug/sdk';
import { TestClock, testHost, type TestHost } from 'jetplug/testing';
import { Accounts } from '../../examples/recipes/when/accounts';
import { AccountsPlugin } from '../../examples/recipes/when/accounts.plugin';
import {
  PriceAsked,
  ProfileChanged,
  TransferRefused,
  TransferRequested,
} from '../../examples/recipes/when/contracts/shop';
import { PricesPlugin, type PriceAnswer } from '../../examples/recipes/when/prices.plugin';
import { profileEndpoint } from '../../examples/recipes/when/profiles';
import { ProfilesPlugin } from '../../examples/recipes/when/profiles.plugin';
import { recipe } from '../support/recipe';

/** The handlers wait until the test lets them run, as they do behind other events, in a retry or while a host restarts. */
class Delay {
  private release!: () => void;
  private readonly released = new Promise<void>((resolve) => (this.release = resolve));

  readonly middleware = async (_event: object, _context: object, next: () => Promise<unknown>) => {
    await this.released;
    return next();
  };

  async end(host: TestHost): Promise<void> {
    this.release();
    await host.settled();
  }
}

async function delayed(plugin: new (...args: never[]) => object) {
  const delay = new Delay();
  const host = await testHost([plugin], {
    clock: new TestClock('2026-05-12T12:00:00.000Z'),
    config: recipe('when').config,
    use: [delay.middleware],
  });
  return { host, delay };
}

describe('simple CRUD', () => {
  test('with events, a user who saves a name and reloads the page sees the old name', async () => {
    const { host, delay } = await delayed(ProfilesPlugin);
    const names = host.store<string>(ProfilesPlugin);
    await names.update('u1', () => 'Ann');
    await host.publish(ProfileChanged, { user_id: 'u1', name: 'Anna' });
    expect(await names.get('u1')).toBe('Ann');
    await delay.end(host);
    expect(await names.get('u1')).toBe('Anna');
    await host.stop();
  });

  test('with a handler that writes the row, the user sees the new name', async () => {
    const app = profileEndpoint(new Map([['u1', 'Ann']]));
    await app.inject({ method: 'PUT', url: '/profiles/u1', payload: { name: 'Anna' } });
    const answer = await app.inject({ method: 'GET', url: '/profiles/u1' });
    expect(answer.json()).toEqual({ name: 'Anna' });
    await app.close();
  });
});

describe('strong consistency', () => {
  test('with events, two transfers are accepted though the account covers one', async () => {
    const { host, delay } = await delayed(AccountsPlugin);
    const balances = host.store<number>(AccountsPlugin);
    await balances.update('a', () => 100);
    const accepted = [
      await host.publish(TransferRequested, { from: 'a', to: 'b', cents: 80 }),
      await host.publish(TransferRequested, { from: 'a', to: 'c', cents: 80 }),
    ];
    expect(accepted).toHaveLength(2);
    expect(await balances.get('a')).toBe(100);
    await delay.end(host);
    expect(host.published(TransferRefused)).toMatchObject([{ from: 'a', cents: 80 }]);
    expect(await balances.get('a')).toBe(20);
    await host.stop();
  });

  test('with a transaction, the second transfer is refused in its answer, and a read has the new balance', () => {
    const accounts = new Accounts(new Map([['a', 100]]));
    expect(accounts.transfer('a', 'b', 80)).toBe('done');
    expect(accounts.balance('a')).toBe(20);
    expect(accounts.transfer('a', 'c', 80)).toBe('refused');
    expect([accounts.balance('a'), accounts.balance('b'), accounts.balance('c')]).toEqual([20, 80, 0]);
  });
});

describe('a query that needs its answer now', () => {
  test('with events, the answer comes after an outage of an hour, when nobody waits for it', async () => {
    let isDown = true;
    const host = await testHost([PricesPlugin], {
      clock: new TestClock('2026-05-12T12:00:00.000Z'),
      config: recipe('when').config,
      use: [
        (_event, _context, next) => {
          if (!isDown) return next();
          isDown = false;
          throw new RetryLater('1h', 'an outage');
        },
      ],
    });
    const answers = host.store<PriceAnswer>(PricesPlugin);
    await host.publish(PriceAsked, { question_id: 'q1', sku: 'tea' });
    expect(await answers.get('q1')).toBeUndefined();
    await host.settled();
    expect(await answers.get('q1')).toEqual({ cents: 300, at: '2026-05-12T13:00:00.000Z' });
    await host.stop();
  });
});
