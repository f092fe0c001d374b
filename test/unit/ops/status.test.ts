import { hostName } from '../../../host/base/host-name';
import { statusOf } from '../../../host/ops/status';
import type { ConsumingHandler } from '../../../host/plugin/consume';

/** Returns the hosts that a host names for a handler: itself, or none. */
async function activeOn(handler: Pick<ConsumingHandler, 'state' | 'isStandingBy' | 'waitsFor'>): Promise<unknown> {
  const entry = {
    ...{ name: 'badge', file: 'badge.plugin.ts', state: 'running', errors: [], reloads: [] },
    handlers: [
      {
        definition: { name: 'award' },
        durable: { subject: 'video.watched', stream: 'EVENTS', durable: 'badge-award' },
        counters: { durations: {} },
        drift: [],
        circuit: {},
        ...handler,
      },
    ],
  };
  const plugins = { faults: { of: () => ({ lateErrors: 0, blocks: 0 }) } };
  const { handlers } = await statusOf(entry as never, plugins as never, { connected: false } as never);
  return handlers[0]!.activeOn;
}

test('a host names itself for a handler that takes events, and also while the handler waits', async () => {
  expect(await activeOn({ state: 'running', isStandingBy: false, waitsFor: undefined })).toEqual([hostName()]);
  expect(await activeOn({ state: 'waiting', isStandingBy: false, waitsFor: 'order' })).toEqual([hostName()]);
});

test('a host does not name itself for a handler that another host takes, or whose durable must not be used', async () => {
  expect(await activeOn({ state: 'running', isStandingBy: true, waitsFor: undefined })).toEqual([]);
  expect(await activeOn({ state: 'waiting', isStandingBy: false, waitsFor: 'refused' })).toEqual([]);
});
