import { MASK } from '../../../host/base/mask';
import { masked, unmasked } from '../../../host/ops/secrets';

test.each<[unknown, string[], unknown]>([
  [{ a: 1, b: 2 }, ['a'], { a: MASK, b: 2 }],
  [{ card: { number: '4', name: 'n' } }, ['card.number'], { card: { number: MASK, name: 'n' } }],
  [{ cards: [{ number: '4' }, { number: '5' }] }, ['cards.number'], { cards: [{ number: MASK }, { number: MASK }] }],
  [{ card: '4111' }, ['card.number'], { card: MASK }],
  [{ card: null }, ['card.number'], { card: null }],
  [{ other: 1 }, ['card.number'], { other: 1 }],
  [{ specversion: '1.0', data: { a: 1 } }, ['a'], { specversion: '1.0', data: { a: MASK } }],
  [{ specversion: '1.0', data_base64: 'eA==' }, ['a'], { specversion: '1.0', data_base64: MASK }],
  [{ a: 1 }, [], { a: 1 }],
  ['text', ['a'], MASK],
])('of %j the secrets %j are hidden', (payload, secrets, expected) => {
  expect(masked(payload, secrets)).toEqual(expected);
});

test('a mask that stays in an edited payload becomes the value of the original', () => {
  const original = { a: 1, list: [{ s: 'x' }, { s: 'y' }], n: 1 };
  expect(unmasked({ a: MASK, list: [{ s: MASK }, { s: 'new' }], n: 2 }, original)).toEqual({
    a: 1,
    list: [{ s: 'x' }, { s: 'new' }],
    n: 2,
  });
  expect(() => unmasked({ list: [1, 2, { s: MASK }] }, original)).toThrow(
    expect.objectContaining({ code: 'JP_EVENT_INVALID' }),
  );
});
