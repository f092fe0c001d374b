import { Clock, EventBus, Logger, Settings, Store } from '../../../sdk';
import { injectableFor, tokenOf, type Injectables } from '../../../host/load/injectables';

test('a service is recognised by its mark, in any copy of the SDK', () => {
  expect([EventBus, Store, Logger, Settings, Clock].map(tokenOf)).toEqual([
    'bus',
    'store',
    'logger',
    'settings',
    'clock',
  ]);
  const ForeignStore = Object.assign(class {}, { [Symbol.for('jetplug.token')]: 'store' });
  expect([ForeignStore, class {}, Object, undefined, 'store'].map(tokenOf)).toEqual(['store', ...Array<undefined>(4)]);
});

test('a class that implements a service’s methods is the author’s own, and one that extends Settings is not', () => {
  class OwnClock extends Clock {
    now(): Date {
      return new Date(0);
    }
  }
  class BadgeSettings extends Settings<object> {}
  expect([OwnClock, BadgeSettings].map(tokenOf)).toEqual([undefined, 'settings']);
  const injectables = { settings: new Settings({ top: 3 }) } as unknown as Injectables;
  expect(injectableFor('settings', Settings, injectables)).toBe(injectables.settings);
  const own = injectableFor('settings', BadgeSettings, injectables);
  expect(own).toBeInstanceOf(BadgeSettings);
  expect(own).toMatchObject({ value: { top: 3 } });
});
