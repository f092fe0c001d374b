import type { Start } from '../../../sdk/internal';
import { fromRecord, ignoredFrom } from '../../../host/nats/created-from';
import type { ConsumerInfo } from '../../../host/nats/client';

const durable = (metadata: Record<string, string>): ConsumerInfo =>
  ({ created: '2026-05-12T12:00:00Z', config: { metadata } }) as unknown as ConsumerInfo;

test.each<[created: Start, asked: Start, ignored: object | undefined]>([
  ['new', 'new', undefined],
  ['new', 'beginning', { started: 'new', asked: 'beginning' }],
  [{ since: '7d' }, { since: 7 * 86_400_000 }, undefined],
  [{ since: '7d' }, { since: '168h' }, undefined],
  [{ since: '7d' }, { since: '90m' }, { started: 'since 7d', asked: 'since 90m' }],
  [{ sequence: 3 }, { sequence: 4 }, { started: 'sequence 3', asked: 'sequence 4' }],
])('a durable created from %j, whose handler asks for %j', (created, asked, ignored) => {
  const found = ignoredFrom(asked, durable(fromRecord(created)));
  expect(found).toEqual(ignored && { ...ignored, created: '2026-05-12T12:00:00Z' });
});

test('a durable that does not record its start says nothing', () => {
  expect(ignoredFrom('beginning', durable({}))).toBeUndefined();
});
