import { HandlerViews, type HandlerParts, type HandlerVersion } from '../../../host/plugin/handler-views';
import type { Settlements } from '../../../host/records/settlements';
import { memoryHost } from '../../support/memory-host';

const settlements = (durable: string): Settlements => ({ durable }) as Settlements;

function viewing() {
  const { host } = memoryHost();
  const version = (name: string): HandlerVersion =>
    ({
      plugin: { name: 'badge', version: name },
      definition: { method: 'award', name: 'award', concurrency: 2, timeoutMs: 100 },
      code: { handler: (method: string) => () => `${method} of ${name}` },
    }) as unknown as HandlerVersion;
  const parts = { counters: {}, circuit: {}, attempts: {} } as HandlerParts;
  return { views: new HandlerViews(version('v1'), parts, host), version, parts, host };
}

test('each stream has a view of its own, which is made once', () => {
  const { views } = viewing();
  const [events, retries] = [settlements('badge-award'), settlements('badge--award')];
  expect(views.of(events)).toBe(views.of(events));
  expect([views.of(events).durable, views.of(retries).durable]).toEqual(['badge-award', 'badge--award']);
  expect(views.of(events).settlements).toBe(events);
});

test('a view has the options of the version, the parts that stay, and the services of the host', () => {
  const { views, parts, host } = viewing();
  const view = views.of(settlements('badge-award'));
  expect(view).toMatchObject({ plugin: 'badge', name: 'award', version: 'v1', concurrency: 2, timeoutMs: 100 });
  expect([view.circuit, view.counters, view.outgoing]).toEqual([parts.circuit, parts.counters, host.outgoing]);
});

test('after a change of the version views call its method; a view of before still calls the old one', () => {
  const { views, version } = viewing();
  const events = settlements('badge-award');
  const before = views.of(events);
  views.renew(version('v2'));
  expect(views.version.plugin.version).toBe('v2');
  expect([before, views.of(events)].map(({ invoke }) => invoke([], {} as never))).toEqual([
    'award of v1',
    'award of v2',
  ]);
});
