/** The plugins, events and numbers of the streaming platform, as a host would report them to the page. */
import type {
  AuditEntry,
  CatalogueEvent,
  EventCatalogue,
  Flow,
  LiveHandler,
  LivePlugin,
  Overview,
  PluginView,
  Problem,
} from '../../../host/page/api';
import type { ExplainedOptions } from '../../../host/ops/explain-options';

const MINUTE = 60_000;

export function isoAgo(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}

/** A plugin with its handlers: the handler, its subject, and its usual rate. */
const PLUGINS: readonly (readonly [
  plugin: string,
  description: string,
  handlers: readonly (readonly [string, string, number])[],
])[] = [
  ['analytics', 'Counts watches by video and by the minute', [['count', 'video.watch_started', 128]]],
  ['badge', 'Awards viewing badges', [['award', 'video.watch_started', 128]]],
  [
    'notification',
    'Notifies the viewer’s friends',
    [
      ['befriend', 'user.friend_added', 2.4],
      ['notify', 'video.watch_started', 96],
    ],
  ],
  ['ranking', 'Keeps the top videos, by watches that fade with the days', [['count', 'video.watch_started', 128]]],
  [
    'recommendation',
    'Recommends what was watched beside what the viewer watches',
    [['learn', 'video.watch_started', 0]],
  ],
  [
    'user-preferences',
    'Learns each viewer’s favourite genres',
    [
      ['catalogue', 'video.published', 0.3],
      ['learn', 'video.watch_started', 0],
    ],
  ],
];

const ML_AWAY = 'the ML service did not answer within 2 s (http://127.0.0.1:8090/recommend)';

/** The handlers that are not well. */
const STATES: Readonly<Record<string, Partial<LiveHandler>>> = {
  'recommendation.learn': {
    state: 'waiting',
    waitsFor: 'circuit',
    circuit: 'open',
    outage: { since: isoAgo(4 * MINUTE), reason: ML_AWAY },
    pending: 31_204,
    lagMs: 4 * MINUTE,
    failed: 212,
    retried: 190,
    lastError: ML_AWAY,
  },
  'user-preferences.learn': {
    state: 'paused',
    pausedUntil: new Date(Date.now() + 38 * MINUTE).toISOString(),
    pauseRemainingMs: 38 * MINUTE,
    pending: 8_410,
    lagMs: 22 * MINUTE,
  },
  'notification.notify': {
    failed: 3412,
    deadLettered: 1204,
    lastError: "Cannot read properties of undefined (reading 'friends')",
  },
};

let beats = 0;

function liveHandler(plugin: string, [handler, subject, usual]: readonly [string, string, number]): LiveHandler {
  const name = `${plugin}.${handler}`;
  const wave = 1 + 0.25 * Math.sin(beats / 6 + name.length) + 0.08 * Math.sin(beats * 1.7 + name.length);
  const handledPerS = usual * wave;
  return {
    handler,
    subject,
    stream: 'EVENTS',
    durable: `jetplug-${plugin}-${handler}`,
    state: 'running',
    pending: Math.round(usual / 20),
    inFlight: usual > 1 ? 4 : 0,
    handled: Math.round(184_000 * (usual / 128)) + beats,
    failed: 0,
    retried: 0,
    deadLettered: 0,
    conflicts: 0,
    circuit: 'closed',
    handledPerS,
    failedPerS: name === 'notification.notify' ? 2.2 * wave : 0,
    lagMs: usual > 1 ? Math.round(12 * wave) : 0,
    ...(usual > 0 && { p99Ms: Math.round((name.length % 5) * 3 + 6 * wave) }),
    ...STATES[name],
  };
}

function livePlugins(extra: number): readonly LivePlugin[] {
  beats++;
  const story = PLUGINS.map(([plugin, , handlers]) => livePlugin(plugin, handlers));
  const more = Array.from({ length: extra }, (_, index) =>
    livePlugin(`partner-${String(index + 1).padStart(3, '0')}`, [['sync', 'video.watch_started', 3 + (index % 7)]]),
  );
  return [...story, billing(), ...more];
}

function livePlugin(plugin: string, handlers: readonly (readonly [string, string, number])[]): LivePlugin {
  return {
    plugin,
    file: `/app/plugins/${plugin}.plugin.ts`,
    version: `${(plugin.length * 7919).toString(16)}c1`,
    state: 'running',
    reloads: [{ outcome: 'loaded', time: isoAgo(90 * MINUTE), tookMs: 84, version: '1f3ac1' }],
    faults: { lateErrors: 0, blocks: 0 },
    handlers: handlers.map((handler) => liveHandler(plugin, handler)),
  };
}

/** A plugin that does not load. */
function billing(): LivePlugin {
  return {
    plugin: 'billing',
    file: '/app/plugins/billing.plugin.ts',
    state: 'failed',
    error: {
      code: 'JP_PLUGIN_LOAD_FAILED',
      message: 'plugins/billing.plugin.ts threw while it was loaded: rates is not defined',
      file: '/app/plugins/billing.plugin.ts',
      line: 14,
      hint: 'Correct the line named.',
    },
    reloads: [],
    faults: { lateErrors: 0, blocks: 0 },
    handlers: [],
  };
}

const PROBLEMS: readonly Problem[] = [
  {
    severity: 'error',
    text: 'The plugin billing does not load: rates is not defined (line 14).',
    plugin: 'billing',
    command: 'npx jetplug check',
    link: '#/plugins/billing',
  },
  {
    severity: 'error',
    text: 'The circuit of recommendation.learn is open: the ML service does not answer.',
    plugin: 'recommendation',
    handler: 'learn',
    link: '#/plugins/recommendation',
  },
  {
    severity: 'error',
    text: '1,204 dead letters of notification.notify, 37 of them in the last 10 minutes.',
    plugin: 'notification',
    link: '#/dead?plugin=notification',
  },
  {
    severity: 'warning',
    text: 'user-preferences.learn is paused for another 38 minutes.',
    plugin: 'user-preferences',
    command: 'npx jetplug resume user-preferences.learn',
    link: '#/plugins/user-preferences',
  },
];

export interface StoryOptions {
  /** Plugins besides those of the story. */
  readonly morePlugins: number;
  readonly deadLetters: number;
  /** Whether there are no plugins at all. */
  readonly isEmpty: boolean;
}

export function overviewNow({ morePlugins, deadLetters, isEmpty }: StoryOptions): Overview {
  return {
    at: new Date().toISOString(),
    server: { url: 'nats://127.0.0.1:4222', version: '2.12.1' },
    hosts: isEmpty ? [] : ['stream-a', 'stream-b'],
    plugins: isEmpty ? [] : livePlugins(morePlugins),
    deadLetters: isEmpty ? 0 : deadLetters,
    problems: isEmpty ? [] : PROBLEMS,
  };
}

const VIEWER = { type: 'string', minLength: 1, maxLength: 170 };
const TEXTS: Readonly<
  Record<string, readonly [description: string, properties: object, publishers: readonly string[]]>
> = {
  'video.watch_started': ['A viewer pressed play.', { user_id: VIEWER, video_id: VIEWER }, []],
  'video.published': [
    'A video can be watched, or its genres have changed.',
    { video_id: VIEWER, genres: { type: 'array', items: { type: 'string' }, maxItems: 10 } },
    [],
  ],
  'user.friend_added': ['A viewer added a friend.', { user_id: VIEWER, friend_id: VIEWER }, []],
  'badge.awarded': [
    'A viewer reached a milestone.',
    {
      user_id: VIEWER,
      badge: { type: 'string', description: 'The badge’s name' },
      count: { type: 'integer', exclusiveMinimum: 0 },
    },
    ['badge'],
  ],
  'notification.requested': [
    'The recipients should be notified of a viewer’s watch.',
    {
      user_id: VIEWER,
      video_id: VIEWER,
      recipients: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 200 },
    },
    ['notification'],
  ],
  'ranking.changed': [
    'The order of the top videos has changed.',
    { revision: { type: 'integer' }, video_ids: { type: 'array', items: { type: 'string' } } },
    ['ranking'],
  ],
  'recommendation.updated': [
    'The videos to offer to a viewer next.',
    { user_id: VIEWER, video_ids: { type: 'array', items: { type: 'string' } } },
    ['recommendation'],
  ],
  'analytics.window_closed': [
    'A minute is over.',
    { window_start: { type: 'string', format: 'date-time' }, watches: { type: 'integer' } },
    ['analytics'],
  ],
};

export function schemaOf(subject: string): CatalogueEvent['schema'] {
  const text = TEXTS[subject];
  return (
    text && { type: 'object', properties: text[1], required: Object.keys(text[1]).filter((name) => name !== 'badge') }
  );
}

export function catalogue(isEmpty: boolean): EventCatalogue {
  if (isEmpty) return { events: [] };
  return {
    events: Object.entries(TEXTS).map(([subject, [description, , publishers]]): CatalogueEvent => ({
      subject,
      description,
      schema: schemaOf(subject)!,
      publishers,
      subscribers: subscribersOf(subject),
      stored: subject === 'video.watch_started' ? 184_210 : 1200 + subject.length * 31,
    })),
  };
}

export function subscribersOf(subject: string): { plugin: string; handler: string }[] {
  return PLUGINS.flatMap(([plugin, , handlers]) =>
    handlers.filter(([, on]) => on === subject).map(([handler]) => ({ plugin, handler })),
  );
}

export function flow(isEmpty: boolean): Flow {
  return {
    events: catalogue(isEmpty).events.map(({ subject, publishers, subscribers }) => ({
      subject,
      publishers,
      subscribers,
    })),
  };
}

const OPTIONS: ExplainedOptions = {
  from: { value: 'beginning', from: 'decorator', file: '/app/plugins/badge.plugin.ts', line: 18 },
  concurrency: { value: 16, from: 'config', key: 'plugins.badge.concurrency', file: '/app/jetplug.yaml', line: 22 },
  timeout: { value: '30s', from: 'default' },
  'retry.attempts': { value: 5, from: 'default' },
  'retry.backoff': { value: ['1s', '5s', '30s', '2m'], from: 'default' },
  key: { value: null, from: 'default' },
  batch: { value: null, from: 'default' },
  rate: { value: null, from: 'default' },
  durable: { value: 'jetplug-badge-award', from: 'default' },
};

export function pluginView(name: string, extra: number): PluginView {
  const plugin = livePlugins(extra).find((each) => each.plugin === name);
  if (!plugin) return { explained: [] };
  const [, description] = PLUGINS.find(([each]) => each === name) ?? [];
  const { handlers, ...rest } = plugin;
  return {
    explained: [
      {
        ...rest,
        ...(description !== undefined && {
          description,
          class: `${name[0]!.toUpperCase()}${name.slice(1)}Plugin`,
          line: 11,
        }),
        injected: [
          { index: 0, name: 'watches', type: 'Store', got: `the bucket jetplug-${name}` },
          { index: 1, name: 'events', type: 'EventBus', got: 'the event bus' },
        ],
        handlers: handlers.map(({ stream, ...handler }) => ({
          ...handler,
          stream,
          state: 'running' as const,
          method: handler.handler,
          file: rest.file,
          line: 19,
          options: { ...OPTIONS, durable: { value: handler.durable, from: 'default' } },
        })),
      },
    ],
    source: {
      file: rest.file,
      firstLine: 9,
      lines: SOURCE,
      ...(plugin.error?.line !== undefined && { failingLine: plugin.error.line }),
    },
  };
}

const SOURCE = `
@Plugin({ description: 'Awards viewing badges', settings: schema })
export class BadgePlugin {
  constructor(
    private readonly watches: Store<number>,
    private readonly price = rates.default,
  ) {}

  @Subscribe({ from: 'beginning' })
  async award(event: VideoWatchStarted) {
    const count = await this.watches.update(event.user_id, (n = 0) => n + 1);
    if (!this.settings.value.milestones.includes(count)) return;
    await this.events.publish(BadgeAwarded, { user_id: event.user_id, count });
  }
}`.split('\n');

const ACTIONS = [
  ['pause', 'user-preferences.learn', { for: '1h' }],
  ['redrive', 'notification.notify', { letters: 1000, ratePerS: 50 }],
  ['publish', 'video.watch_started', { sequence: 184_210 }],
  ['store.set', 'badge', { key: 'u17' }],
  ['drop', 'recommendation.learn', { letters: 3 }],
] as const;

export function auditEntries(from: number, limit: number): readonly AuditEntry[] {
  return Array.from({ length: Math.max(0, Math.min(limit, 240 - from)) }, (_, offset) => {
    const index = from + offset;
    const [action, target, detail] = ACTIONS[index % ACTIONS.length]!;
    const isPage = index % 3 !== 1;
    return {
      at: isoAgo((index * 17 + 2) * MINUTE),
      who: isPage ? 'operator' : 'ada@build-7',
      via: isPage ? 'page' : `jetplug ${action}`,
      ...(isPage && { from: '10.0.3.17' }),
      action,
      target,
      detail,
      ...(index % 9 === 4
        ? { outcome: 'failed' as const, error: 'the broker did not answer within 5 s' }
        : { outcome: 'done' as const }),
    };
  });
}
