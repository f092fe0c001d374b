import { findHandlers } from '../../../host/ops/pause-target';
import type { HandlerDurable } from '../../../host/nats/handler-durables';

const durable = (name: string, of: Partial<HandlerDurable> = {}): HandlerDurable => {
  const [plugin, handler] = name.split('.');
  return {
    stream: 'EVENTS',
    durable: `${plugin}-${handler}`,
    owner: { kind: 'ours' },
    plugin,
    handler,
    pausedUntil: undefined,
    pending: 0,
    inFlight: 0,
    ...of,
  };
};
const unmarked = { plugin: undefined, handler: undefined, owner: { kind: 'unmarked' } } as const;
const ALL = [
  durable('badge.award', { stream: 'RETRY', durable: 'badge--award' }),
  durable('badge.award'),
  durable('badge.revoke'),
  durable('ranking.count'),
  durable('orders.take', unmarked),
];

test('a plugin is all of its handlers, each with the durable of its stream before that of its retry queue', () => {
  expect(findHandlers('badge', ALL)).toEqual([
    { plugin: 'badge', handler: 'award', durables: [ALL[1], ALL[0]] },
    { plugin: 'badge', handler: 'revoke', durables: [ALL[2]] },
  ]);
  expect(findHandlers('badge.revoke', ALL)).toHaveLength(1);
});

test.each([
  ['bagde', 'JP_NOT_FOUND', 'the server has no durable of a plugin "bagde"; did you mean badge?'],
  ['badge.awrad', 'JP_NOT_FOUND', 'plugin badge has no durable of a handler "awrad"; did you mean award?'],
  ['orders', 'JP_CONSUMER_FOREIGN', 'durable orders-take on stream EVENTS has no mark, so it is not changed'],
  ['orders.take', 'JP_CONSUMER_FOREIGN', 'durable orders-take on stream EVENTS has no mark, so it is not changed'],
])('%s is an error', (target, code, message) => {
  expect(() => findHandlers(target, ALL)).toThrow(expect.objectContaining({ code, message }));
});

test('a durable of another deployment is not changed, and the error names the deployment', () => {
  const theirs = durable('badge.award', { owner: { kind: 'other-deployment', deployment: 'blue' } });
  expect(() => findHandlers('badge', [theirs])).toThrow('belongs to the deployment blue');
});
