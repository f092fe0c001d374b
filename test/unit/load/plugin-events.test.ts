/** The events that a plugin handles and publishes, as its code shows them. */
import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
import type { EventContract } from '../../../sdk/internal';
import { eventsOf } from '../../../host/load/plugin-events';

const Awarded = defineEvent('badge.awarded', z.object({ count: z.int() }));
const Watched = defineEvent('video.watched', z.object({ id: z.string() }));
const contracts = [
  { name: 'BadgeAwarded', contract: Awarded },
  { name: 'Watched', contract: Watched },
];

function described(code: string, { source = '', hasBus = true, handles = [] as (EventContract | undefined)[] } = {}) {
  const texts = new Map([['/plugins/badge.plugin.ts', { source, code }]]);
  return eventsOf(
    { contracts, texts },
    handles.map((contract) => ({ contract })),
    hasBus,
  );
}

const subjects = (code: string, hasBus = true) =>
  described(code, { hasBus }).published.map(({ subject, contract }) => [subject, contract !== null]);

test.each([
  ['an imported contract', 'await this.events.publish(_streaming.BadgeAwarded, { count });', 'badge.awarded', true],
  ['a contract of the same file', 'bus.publish(\n  BadgeAwarded, {});', 'badge.awarded', true],
  ['a subject', "this.events.publish('badge.lost', {})", 'badge.lost', false],
])('a call that publishes %s is found', (_, code, subject, hasContract) => {
  expect(subjects(code)).toEqual([[subject, hasContract]]);
});

test.each([
  ['in a comment', '// e.publish(BadgeAwarded, {})\n/* e.publish("a.b", {}) */'],
  ['in a text', 'log("e.publish(BadgeAwarded, {})")'],
  ['with a computed subject', 'e.publish(`a.${x}`, {}); e.publish(x ? A : B, {})'],
  ['of an unknown name', 'e.publish(Other, {})'],
  ['of an invalid subject', 'e.publish("a b", {})'],
])('a call %s does not count', (_, code) => {
  expect(subjects(code)).toEqual([]);
});

test('without an event bus, a text is no subject', () => {
  expect(subjects('redis.publish("a.b", "x"); helper.publish(BadgeAwarded, {})', false)).toEqual([
    ['badge.awarded', true],
  ]);
});

test('a contract that is handled several times and published appears once', () => {
  const {
    contracts: found,
    handled,
    published,
  } = described('e.publish(Watched, {}); e.publish(Watched, {})', {
    handles: [Watched, undefined, Watched],
  });
  expect(found.map(({ name }) => name)).toEqual(['Watched']);
  expect(handled).toEqual([0, null, 0]);
  expect(published).toEqual([{ subject: 'video.watched', contract: 0 }]);
});

test('a contract has its documentation comment, and one that is not exported a name of its subject', () => {
  const Hidden = defineEvent('user.friend_added', z.object({}));
  const source =
    '/** Another. */\nexport const x = 1;\n/**\n * A viewer reached\n * a milestone.\n */\nexport class BadgeAwarded {}';
  const { contracts: found } = described('', { source, handles: [Awarded, Hidden] });
  expect(found).toMatchObject([
    { name: 'BadgeAwarded', subject: 'badge.awarded', description: 'A viewer reached\na milestone.' },
    { name: 'UserFriendAdded', subject: 'user.friend_added' },
  ]);
  expect(found[1]).not.toHaveProperty('description');
});
