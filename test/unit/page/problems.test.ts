import { problemsOf, type Situation } from '../../../host/page/live/problems';
import type { LiveHandler, LivePlugin } from '../../../host/page/api';

const NOW = Date.parse('2026-05-12T19:00:00Z');
const HANDLER: LiveHandler = {
  ...{ handler: 'award', subject: 'video.watched', stream: 'EVENTS', durable: 'badge-award', state: 'running' },
  ...{ handled: 1, failed: 0, retried: 0, deadLettered: 0, conflicts: 0, circuit: 'closed' },
};
const PLUGIN: LivePlugin = {
  ...{ plugin: 'badge', file: '/plugins/badge.plugin.ts', version: 'v1', state: 'running' },
  ...{ reloads: [], faults: { lateErrors: 0, blocks: 0 }, handlers: [HANDLER] },
};

function found(plugin: Partial<LivePlugin> = {}, handler: Partial<LiveHandler> = {}, rest: Partial<Situation> = {}) {
  const plugins = [{ ...PLUGIN, ...plugin, handlers: [{ ...HANDLER, ...handler }] }];
  const hosts = [{ host: 'a:1', version: '0.1.0', plugins }];
  const situation = { hosts, plugins, fallingBehind: new Set<string>(), deadLetters: { areRecent: false }, ...rest };
  return problemsOf(situation, NOW);
}

test('a host whose plugins work has no problem', () => {
  expect(found()).toEqual([]);
});

test('without a host the only problem is that none runs', () => {
  expect(found({ state: 'failed' }, {}, { hosts: [] })).toEqual([
    { severity: 'error', text: 'No host runs, so no event is handled.', command: 'npx jetplug start' },
  ]);
});

test('a failed plugin is named with its error and a link to its view', () => {
  const error = { code: 'JP_PLUGIN_SYNTAX' as const, message: 'a bracket is missing\n  in line 3' };
  expect(found({ state: 'failed', error })).toEqual([
    {
      severity: 'error',
      text: 'Plugin badge does not run: a bracket is missing.',
      plugin: 'badge',
      link: '#/plugins/badge',
    },
  ]);
});

test.each([
  ['rolled-back', 'The last edit of badge was rolled back, because its first events all failed.'],
  ['failed', 'The last edit of badge does not start, so the version before runs on.'],
  ['refused', 'The last edit of badge needs changes of a durable that are not possible.'],
] as const)('an edit that was %s in the last hour is a problem', (outcome, text) => {
  const reload = (time: string) => ({ reloads: [{ outcome, time, tookMs: 1 }] });
  expect(found(reload('2026-05-12T18:30:00Z'))).toMatchObject([{ severity: 'error', text }]);
  expect(found(reload('2026-05-12T17:30:00Z'))).toEqual([]);
});

test('an edit that has worked since ends the problem of the one before', () => {
  const time = '2026-05-12T18:59:00Z';
  const reloads = (['rolled-back', 'swapped'] as const).map((outcome) => ({ outcome, time, tookMs: 1 }));
  expect(found({ reloads })).toEqual([]);
});

test('an open circuit is named with its reason, and without the state that follows from it', () => {
  const outage = { since: '2026-05-12T18:59:00Z', reason: 'the ML service is down' };
  expect(found({}, { circuit: 'open', outage, state: 'waiting', waitsFor: 'circuit', lagMs: 90_000 })).toMatchObject([
    {
      text: 'The circuit of badge.award is open, because every event fails: the ML service is down.',
      handler: 'award',
    },
  ]);
});

test('a handler that takes no events is named with the reason', () => {
  expect(found({}, { waitsFor: 'durable', reason: 'its durable was deleted' })).toMatchObject([
    { severity: 'error', text: 'badge.award takes no events: its durable was deleted.' },
  ]);
});

test('a paused handler has the command that resumes it', () => {
  expect(found({}, { state: 'paused', pausedUntil: '9999-12-31T00:00:00.000Z' })).toMatchObject([
    {
      severity: 'warning',
      text: expect.stringMatching(/^badge.award is paused .*, and its events wait\.$/),
      command: 'npx jetplug resume badge.award',
    },
  ]);
});

test('a handler is late only if its lag is over a minute and grows', () => {
  const growing = { fallingBehind: new Set(['badge.award']) };
  expect(found({}, { lagMs: 180_000 }, growing)).toMatchObject([
    { severity: 'warning', text: 'badge.award falls behind: its oldest event has waited for 3 minutes.' },
  ]);
  expect(found({}, { lagMs: 180_000 })).toEqual([]);
  expect(found({}, { lagMs: 60_000 }, growing)).toEqual([]);
});

test('new dead letters are a problem, with their number if it is known', () => {
  expect(found({}, {}, { deadLetters: { areRecent: true, arrived: 1 } })).toMatchObject([
    { text: '1 dead letter arrived in the last 10 minutes.', link: '#/dead?since=10m' },
  ]);
  expect(found({}, {}, { deadLetters: { areRecent: true } })).toMatchObject([
    { text: 'Dead letters arrived in the last 10 minutes.' },
  ]);
});

test('drift, conflicts and faults are warnings', () => {
  const faults = { lateErrors: 2, blocks: 1, last: { code: 'JP_PLUGIN_LATE_ERROR' as const, message: 'it broke' } };
  const handler = { drift: ['ack_wait: 30 s → 15 s'], conflicts: 120, conflictKey: { key: 'u1', conflicts: 100 } };
  expect(found({ faults }, handler)).toMatchObject([
    { severity: 'warning', text: 'Plugin badge left 2 errors uncaught: it broke.' },
    { severity: 'warning', text: 'Plugin badge blocked the event loop once.' },
    { severity: 'warning', text: 'The durable of badge.award was changed on the server: ack_wait: 30 s → 15 s.' },
    { severity: 'warning', text: '120 runs of badge.award started again, most often because of the key u1.' },
  ]);
});

test('a stream that was changed on the server, and a host that waits for a newer config, are warnings', () => {
  const hosts = [
    { host: 'a:1', version: '0.1.0', plugins: [], drift: [{ stream: 'EVENTS', drift: ['maxAge 1h → 7d'] }] },
    {
      ...{ host: 'b:2', version: '0.1.0', plugins: [], drift: [{ stream: 'EVENTS', drift: ['maxAge 1h → 7d'] }] },
      newerConfig: { generation: 2, host: 'a:1', since: '2026-05-12T12:00:00Z' },
    },
  ];
  expect(found({}, {}, { hosts })).toEqual([
    {
      severity: 'warning',
      text: 'Stream EVENTS was changed on the server: maxAge 1h → 7d.',
      command: 'npx jetplug plan',
    },
    { severity: 'warning', text: 'Host b:2 has an earlier configuration than host a:1.' },
  ]);
});

test('hosts with different versions of a plugin, or of Jetplug, are named', () => {
  const plugins = [PLUGIN];
  const hosts = [
    { host: 'a:1', version: '0.1.0', plugins },
    { host: 'b:1', version: '0.2.0', plugins: [{ ...PLUGIN, version: 'v2' }] },
  ];
  expect(found({}, {}, { hosts })).toMatchObject([
    { text: 'The hosts run different versions of badge: v1, v2.' },
    { text: 'The hosts run different releases: 0.1.0, 0.2.0.' },
  ]);
});

test('errors come before warnings', () => {
  const paused = { pausedUntil: '9999-12-31T00:00:00.000Z' };
  const severities = found({ state: 'failed' }, paused, { deadLetters: { areRecent: true } }).map(
    (one) => one.severity,
  );
  expect(severities).toEqual(['error', 'error', 'warning']);
});
