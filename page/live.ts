import { batch, signal, type Signal } from '@preact/signals';
import type { Job, LiveHandler, LiveMessages, LivePlugin, Overview } from '../host/page/api';
import type { LiveRun } from './types';
import { get, needsToken, readSession } from './api';
import { announce } from './components/announcer';
import { Ring } from './lib/ring';

/** Points of a sparkline: one a second. */
const POINTS = 60;
const MAX_RUNS = 60;
const MAX_JOBS = 50;
const MAX_RETRY_S = 15;
/** A tab that is not visible lets go of the feed after this time, so that it costs the host nothing. */
const HIDDEN_MS = 60_000;

export type Feed =
  { readonly state: 'connecting' | 'open' | 'sleeping' } | { readonly state: 'lost'; readonly retryInS: number };

export const feed = signal<Feed>({ state: 'connecting' });
export const overview = signal<Overview | undefined>(undefined);
/** Set while the broker does not answer. */
export const away = signal<LiveMessages['away'] | undefined>(undefined);
export const jobs = signal<readonly Job[]>([]);
/** A bounded sample of the runs that have ended, the newest first. */
export const runs = signal<readonly LiveRun[]>([]);
export const runsLeft = signal(0);
/** The names of the plugins. It changes only when a plugin comes or goes. */
export const pluginNames = signal<readonly string[]>([]);

const plugins = new Map<string, Signal<LivePlugin>>();
const rings = new Map<string, Ring>();

/** A plugin's state, so that a row renders again only when its own plugin has news. */
export function pluginSignal(name: string): Signal<LivePlugin> | undefined {
  return plugins.get(name);
}

export function ring(name: string): readonly number[] {
  return rings.get(name)?.values ?? [];
}

export interface Totals {
  readonly handledPerS: number;
  readonly failedPerS: number;
  readonly lagMs: number;
  readonly pending: number;
  readonly p99Ms: number;
}

export function totals(handlers: readonly LiveHandler[]): Totals {
  const sum = (of: (handler: LiveHandler) => number | undefined): number =>
    handlers.reduce((total, handler) => total + (of(handler) ?? 0), 0);
  const max = (of: (handler: LiveHandler) => number | undefined): number =>
    handlers.reduce((most, handler) => Math.max(most, of(handler) ?? 0), 0);
  return {
    handledPerS: sum((handler) => handler.handledPerS),
    failedPerS: sum((handler) => handler.failedPerS),
    pending: sum((handler) => handler.pending),
    lagMs: max((handler) => handler.lagMs),
    p99Ms: max((handler) => handler.p99Ms),
  };
}

let source: EventSource | undefined;
let attempts = 0;
let countdown: ReturnType<typeof setInterval> | undefined;
let sleepTimer: ReturnType<typeof setTimeout> | undefined;

/** Follows the live feed, and connects again when it breaks. */
export function follow(): void {
  connect();
  document.addEventListener('visibilitychange', () => {
    clearTimeout(sleepTimer);
    if (document.hidden) sleepTimer = setTimeout(sleep, HIDDEN_MS);
    else if (feed.value.state === 'sleeping') connect();
  });
}

export function connect(): void {
  clearInterval(countdown);
  source?.close();
  if (feed.value.state !== 'lost') feed.value = { state: 'connecting' };
  const opened = new EventSource('/api/live');
  source = opened;
  opened.onopen = (): void => {
    if (feed.value.state === 'lost') announce('Connected to the host again.');
    attempts = 0;
    feed.value = { state: 'open' };
    readSession().catch(lost);
    get<readonly Job[]>('/api/jobs').then((all) => (jobs.value = all), lost);
  };
  opened.onerror = lost;
  listen(opened, 'overview', takeOverview);
  listen(opened, 'runs', takeRuns);
  listen(opened, 'job', takeJob);
  listen(opened, 'away', (message) => {
    if (!away.value) announce('The broker does not answer.');
    away.value = message;
  });
}

function listen<K extends keyof LiveMessages>(
  from: EventSource,
  name: K,
  take: (message: LiveMessages[K]) => void,
): void {
  from.addEventListener(name, (event: MessageEvent<string>) => take(JSON.parse(event.data) as LiveMessages[K]));
}

function sleep(): void {
  source?.close();
  feed.value = { state: 'sleeping' };
}

function lost(): void {
  source?.close();
  clearInterval(countdown);
  // A feed that is refused for want of a token breaks like any other. The session says which of the two it is.
  readSession()
    .catch(() => undefined)
    .finally(() => {
      if (needsToken.value) return;
      if (feed.value.state !== 'lost') announce('The connection to the host is lost.');
      countDown(Math.min(MAX_RETRY_S, 2 ** attempts++));
    });
}

function countDown(seconds: number): void {
  let retryInS = seconds;
  feed.value = { state: 'lost', retryInS };
  clearInterval(countdown);
  countdown = setInterval(() => {
    retryInS--;
    if (retryInS <= 0) return connect();
    feed.value = { state: 'lost', retryInS };
  }, 1000);
}

function takeOverview(next: Overview): void {
  batch(() => {
    if (away.value) announce('The broker answers again.');
    away.value = undefined;
    overview.value = next;
    for (const plugin of next.plugins) takePlugin(plugin);
    const all = totals(next.plugins.flatMap(({ handlers }) => handlers));
    push('handled', all.handledPerS);
    push('failed', all.failedPerS);
    push('lag', all.lagMs);
    push('pending', all.pending);
    push('dead', next.deadLetters);
    const names = next.plugins.map(({ plugin }) => plugin);
    if (names.join('\n') !== pluginNames.value.join('\n')) pluginNames.value = names;
    forgetRemoved(new Set(names));
  });
}

function takePlugin(plugin: LivePlugin): void {
  const known = plugins.get(plugin.plugin);
  if (known) known.value = plugin;
  else plugins.set(plugin.plugin, signal(plugin));
  const { handledPerS, p99Ms } = totals(plugin.handlers);
  push(`rate ${plugin.plugin}`, handledPerS);
  push(`p99 ${plugin.plugin}`, p99Ms);
  for (const handler of plugin.handlers) {
    const name = `${plugin.plugin}.${handler.handler}`;
    push(`rate ${name}`, handler.handledPerS ?? 0);
    push(`p99 ${name}`, handler.p99Ms ?? 0);
    push(`lag ${name}`, handler.lagMs ?? 0);
  }
}

function push(name: string, value: number): void {
  let found = rings.get(name);
  if (!found) rings.set(name, (found = new Ring(POINTS)));
  found.push(value);
}

/** Drops the history of removed plugins, so that the memory stays bounded. */
function forgetRemoved(names: ReadonlySet<string>): void {
  for (const name of plugins.keys()) if (!names.has(name)) plugins.delete(name);
  for (const name of rings.keys()) {
    const plugin = name.split(' ')[1]?.split('.')[0];
    if (plugin !== undefined && !names.has(plugin)) rings.delete(name);
  }
}

function takeRuns({ runs: next, left }: LiveMessages['runs']): void {
  runs.value = [...next.toReversed(), ...runs.value].slice(0, MAX_RUNS);
  runsLeft.value = left;
}

function takeJob(job: Job): void {
  const before = jobs.value.find(({ id }) => id === job.id);
  if (job.state !== 'running' && before?.state === 'running') {
    announce(`The ${job.kind} of ${job.total} letters is ${job.state}.`);
  }
  jobs.value = [job, ...jobs.value.filter(({ id }) => id !== job.id)].slice(0, MAX_JOBS);
}

/** A change that the page has begun: shows it before the feed does. */
export function expectJob(job: Job): void {
  if (!jobs.value.some(({ id }) => id === job.id)) jobs.value = [job, ...jobs.value];
}
