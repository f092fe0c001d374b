import type { PluginDefinition } from '../../../host/load/describe';
import { busOf, settingsOf } from '../../../host/plugin/plugin-services';
import { memoryHost } from '../../support/memory-host';

const named = (name: string) => ({ name }) as PluginDefinition;

test('a plugin gets the settings of its own section as they are written; without any it gets undefined', () => {
  const settings = { milestones: ['2', 5] };
  const sections = { badge: { enabled: true, settings }, ranking: { enabled: true } };
  const { host } = memoryHost((config) => ({ ...config, plugins: { ...config.plugins, sections } }));
  expect(settingsOf(named('badge'), host)).toBe(settings);
  expect(['ranking', 'other'].map((name) => settingsOf(named(name), host))).toEqual([undefined, undefined]);
});

test('a plugin’s bus sends through the host, with the time of the host’s clock', async () => {
  const { host } = memoryHost();
  const send = jest.fn().mockResolvedValue({ duplicate: false });
  const clock = { now: () => new Date('2026-07-01T00:00:00.000Z') };
  const id = await busOf({ ...host, clock, outgoing: { ...host.outgoing, send } }).publish('video.watched', { n: 1 });
  const payload = { event_type: 'video.watched', event_id: id, timestamp: '2026-07-01T00:00:00.000Z', n: 1 };
  expect(send.mock.calls).toEqual([[{ id, subject: 'video.watched', payload: JSON.stringify(payload), headers: {} }]]);
});
