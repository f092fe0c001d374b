import { pauseText } from '../../base/pause-text';
import type { HostStatus } from '../../ops/host-status';
import type { LiveHandler, LivePlugin, Problem } from '../api';

/** The things that problems are found in. */
export interface Situation {
  readonly hosts: readonly HostStatus[];
  readonly plugins: readonly LivePlugin[];
  /** The handlers whose lag has grown for a while, as `plugin.handler`. */
  readonly fallingBehind: ReadonlySet<string>;
  readonly deadLetters: RecentLetters;
}

export interface RecentLetters {
  /** Whether a letter arrived in the last 10 minutes. */
  readonly areRecent: boolean;
  /** How many did, if that is known. */
  readonly arrived?: number;
}

const LATE_MS = 60_000;
/** A rollback and a fault are shown for this time. */
const RECENT_MS = 60 * 60_000;

/** Finds what is wrong now, in words, the most urgent first. */
export function problemsOf(situation: Situation, nowMs: number): Problem[] {
  const { hosts, plugins, fallingBehind, deadLetters } = situation;
  if (hosts.length === 0) return [NO_HOST];
  const problems = [
    ...plugins.flatMap((plugin) => pluginProblems(plugin, nowMs)),
    ...plugins.flatMap((plugin) => plugin.handlers.flatMap((handler) => handlerProblems(plugin, handler))),
    ...plugins.flatMap((plugin) => plugin.handlers.flatMap((handler) => lateProblem(plugin, handler, fallingBehind))),
    ...letterProblems(deadLetters),
    ...versionProblems(hosts),
    ...settingsProblems(hosts),
  ];
  return problems.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

const NO_HOST: Problem = {
  severity: 'error',
  text: 'No host runs, so no event is handled.',
  command: 'npx jetplug start',
};

function pluginProblems({ plugin, state, error, reloads, faults }: LivePlugin, nowMs: number): Problem[] {
  const about = { plugin, link: `#/plugins/${encodeURIComponent(plugin)}` };
  const problems: Problem[] = [];
  if (state === 'failed') {
    problems.push({ severity: 'error', text: `Plugin ${plugin} does not run: ${sentence(error?.message)}`, ...about });
  }
  const last = reloads.at(-1);
  if (last && nowMs - Date.parse(last.time) < RECENT_MS) {
    const text = RELOADS[last.outcome]?.(plugin);
    if (text !== undefined) problems.push({ severity: 'error', text, ...about });
  }
  if (faults.lateErrors > 0) {
    const text = `Plugin ${plugin} left ${counted(faults.lateErrors, 'error')} uncaught: ${sentence(faults.last?.message)}`;
    problems.push({ severity: 'warning', text, ...about });
  }
  if (faults.blocks > 0) {
    const text = `Plugin ${plugin} blocked the event loop ${faults.blocks === 1 ? 'once' : `${faults.blocks} times`}.`;
    problems.push({ severity: 'warning', text, ...about });
  }
  return problems;
}

const RELOADS: Partial<Record<string, (plugin: string) => string>> = {
  'rolled-back': (plugin) => `The last edit of ${plugin} was rolled back, because its first events all failed.`,
  failed: (plugin) => `The last edit of ${plugin} does not start, so the version before runs on.`,
  refused: (plugin) => `The last edit of ${plugin} needs changes of a durable that are not possible.`,
};

function handlerProblems({ plugin }: LivePlugin, status: LiveHandler): Problem[] {
  const { handler, outage, pausedUntil, waitsFor, reason, drift = [], conflicts, conflictKey } = status;
  const name = `${plugin}.${handler}`;
  const about = { plugin, handler, link: `#/plugins/${encodeURIComponent(plugin)}` };
  const problems: Problem[] = [];
  if (outage) {
    const text = `The circuit of ${name} is open, because every event fails: ${sentence(outage.reason)}`;
    problems.push({ severity: 'error', text, ...about });
  } else if (waitsFor !== undefined && waitsFor !== 'order') {
    problems.push({ severity: 'error', text: `${name} takes no events: ${sentence(reason ?? waitsFor)}`, ...about });
  }
  if (pausedUntil !== undefined) {
    const text = `${name} is paused ${pauseText(new Date(pausedUntil))}, and its events wait.`;
    problems.push({ severity: 'warning', text, command: `npx jetplug resume ${name}`, ...about });
  }
  if (drift.length > 0) {
    const text = `The durable of ${name} was changed on the server: ${sentence(drift.join(', '))}`;
    problems.push({ severity: 'warning', text, ...about });
  }
  if (conflictKey) {
    const text = `${counted(conflicts, 'run')} of ${name} started again, most often because of the key ${conflictKey.key}.`;
    problems.push({ severity: 'warning', text, ...about });
  }
  return problems;
}

function lateProblem({ plugin }: LivePlugin, status: LiveHandler, fallingBehind: ReadonlySet<string>): Problem[] {
  const { handler, lagMs = 0, outage, pausedUntil } = status;
  const name = `${plugin}.${handler}`;
  // The pause or the open circuit is the reason, and a problem of its own.
  if (lagMs <= LATE_MS || outage || pausedUntil !== undefined || !fallingBehind.has(name)) return [];
  const text = `${name} falls behind: its oldest event has waited for ${age(lagMs)}.`;
  return [{ severity: 'warning', text, plugin, handler, link: `#/plugins/${encodeURIComponent(plugin)}` }];
}

function letterProblems({ areRecent, arrived }: RecentLetters): Problem[] {
  if (!areRecent) return [];
  const subject = arrived === undefined ? 'Dead letters' : counted(arrived, 'dead letter');
  const text = `${subject} arrived in the last 10 minutes.`;
  return [{ severity: 'error', text, command: 'npx jetplug dead list', link: '#/dead?since=10m' }];
}

function versionProblems(hosts: readonly HostStatus[]): Problem[] {
  const versions = new Map<string, Set<string>>();
  for (const { plugins } of hosts) {
    for (const { plugin, version } of plugins) {
      if (version !== undefined) versions.set(plugin, (versions.get(plugin) ?? new Set()).add(version));
    }
  }
  const problems = [...versions]
    .filter(([, found]) => found.size > 1)
    .map(([plugin, found]): Problem => {
      const text = `The hosts run different versions of ${plugin}: ${[...found].sort().join(', ')}.`;
      return { severity: 'warning', text, plugin, link: `#/plugins/${encodeURIComponent(plugin)}` };
    });
  const releases = [...new Set(hosts.map(({ version }) => version))].sort();
  if (releases.length < 2) return problems;
  return [...problems, { severity: 'warning', text: `The hosts run different releases: ${releases.join(', ')}.` }];
}

/** Streams that were changed on the server, and hosts with an earlier config. Every host reports the same streams. */
function settingsProblems(hosts: readonly HostStatus[]): Problem[] {
  const drifted = new Map(hosts.flatMap(({ drift = [] }) => drift.map((one) => [one.stream, one.drift])));
  const changed = [...drifted].map(([stream, drift]): Problem => {
    const text = `Stream ${stream} was changed on the server: ${sentence(drift.join(', '))}`;
    return { severity: 'warning', text, command: 'npx jetplug plan' };
  });
  const waiting = hosts.flatMap(({ host, newerConfig }): Problem[] =>
    newerConfig
      ? [{ severity: 'warning', text: `Host ${host} has an earlier configuration than host ${newerConfig.host}.` }]
      : [],
  );
  return [...changed, ...waiting];
}

/** Ends a text with one full stop. Errors of plugins may have several lines, of which the first counts. */
function sentence(text = 'its error is not known'): string {
  const [first = ''] = text.split('\n');
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function age(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? counted(minutes, 'minute') : counted(Math.round(minutes / 60), 'hour');
}
