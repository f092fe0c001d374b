import { placesText } from '../../../page/lib/places';

test.each([
  ['a handler on two hosts', { activeOn: ['a:1', 'b:2'], pending: 3, inFlight: 1 }, 'a:1, b:2'],
  ['a handler without events on no host', { activeOn: [], pending: 0, inFlight: 0 }, 'no host, because it is idle'],
  ['a handler on no host whose events wait', { activeOn: [], pending: 3, inFlight: 0 }, 'no host'],
  ['a handler on no host with an event in flight', { activeOn: [], pending: 0, inFlight: 1 }, 'no host'],
  [
    'a handler that must not use its durable',
    { activeOn: [], pending: 0, inFlight: 0, waitsFor: 'refused' },
    'no host',
  ],
  ['a handler of an older host', { pending: 0, inFlight: 0 }, undefined],
] as const)('the page says where %s runs', (_what, handler, text) => {
  expect(placesText(handler)).toBe(text);
});
