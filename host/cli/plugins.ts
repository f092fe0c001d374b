import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { pauseText } from '../base/pause-text';
import type { Connection } from '../nats/connection';
import { askHosts } from '../nats/service';
import type { HostStatus } from '../ops/host-status';
import { mergeStatuses } from '../ops/merge-statuses';
import { explainRunning, runningHosts, runningPlugins } from '../ops/running-plugins';
import type { HandlerStatus, PluginStatus } from '../ops/status';
import { mergeUnhandled, type Unhandled } from '../ops/unhandled';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { conflictText } from './conflict-text';
import { explainScreen } from './explain-screen';
import { paint, print, printJson, table } from './output';
import { placesText } from './places-text';
import { stateText } from './state-text';
import { unhandledScreen } from './unhandled-screen';

interface PluginsFlags extends CommonFlags {
  unhandled?: boolean;
}

/** How many subjects without a handler are shown under the table of all plugins. */
const MAX_UNHANDLED = 10;

export function pluginsCommand(program: Command): void {
  reachesBroker(program.command('plugins'))
    .argument('[name]', 'explain one plugin, by its name or its file')
    .option('--unhandled', 'the stored events that no handler takes, by subject')
    .description('list the plugins of the running hosts, with their handlers')
    .addHelpText(
      'after',
      `
With a name it explains the plugin: its file and version, what its constructor got, and for each handler its
stream, its durable, its figures, and every option with its source. For a file that fails or is skipped it
shows the reason.

Without a name it also counts the stored events that no handler takes.

Exits with 1 when no host runs, or none knows the plugin.

Examples:
  $ jetplug plugins
  $ jetplug plugins badge
  $ jetplug plugins badge.plugin.ts.bak
  $ jetplug plugins --unhandled
  $ jetplug plugins --json`,
    )
    .action(plugins);
}

async function plugins(name: string | undefined, flags: PluginsFlags): Promise<void> {
  if (name !== undefined && flags.unhandled) {
    throw new JetplugError('JP_USAGE', '--unhandled is about all plugins', { hint: 'Leave out the name.' });
  }
  if (name !== undefined) {
    const explained = await withBroker(flags, (connection) => explainRunning(name, connection));
    if (flags.json) printJson(explained);
    else for (const line of explained.flatMap(explainScreen)) print(line);
    return;
  }
  // `plugins --json` prints the list of the plugins only.
  if (flags.json && !flags.unhandled) return printJson(await withBroker(flags, runningPlugins));
  const [hosts, rest] = await withBroker(flags, (connection) =>
    Promise.all([runningHosts(connection), unhandled(connection)]),
  );
  if (flags.json) return printJson(rest);
  const all = mergeStatuses(hosts.map(({ plugins }) => plugins));
  const taken = all.flatMap(({ handlers }) => handlers.map(({ subject }) => subject));
  if (!flags.unhandled)
    for (const line of [...overview(all, hosts.length), ...new Set(hosts.flatMap(settingsLines))]) print(line);
  const lines = unhandledScreen(rest, taken, flags.unhandled ? Infinity : MAX_UNHANDLED);
  if (lines.length > 0 && !flags.unhandled) print();
  for (const line of lines) print(line);
  if (lines.length === 0 && flags.unhandled) print('each stored event is taken by a handler');
}

async function unhandled(connection: Connection): Promise<Unhandled> {
  return mergeUnhandled(await askHosts<Unhandled>(connection, 'unhandled'));
}

function overview(all: readonly PluginStatus[], hosts: number): string[] {
  const names = ['plugin', 'state', 'subject → durable', 'pending', 'in flight', 'handled', 'failed', 'dead'];
  const head = [...names, ...(hosts > 1 ? ['on'] : [])].map((text) => paint('dim', text));
  const rows = all.flatMap((plugin) =>
    plugin.handlers.length === 0
      ? [[plugin.plugin, stateText(plugin), plugin.error?.message ?? '']]
      : plugin.handlers.map((handler, i) => [
          i === 0 ? plugin.plugin : '',
          i === 0 ? stateText(plugin) : '',
          `${handler.subject} → ${handler.durable}`,
          ...figures(handler).map(String),
          ...(hosts > 1 ? [placesText(handler, hosts)] : []),
        ]),
  );
  return [...table([head, ...rows]), ...all.flatMap(troubles)];
}

/**
 * The reasons why handlers get no events, the settings that somebody has changed, and the handlers whose runs often start
 * again.
 */
function troubles({ plugin, handlers }: PluginStatus): string[] {
  return handlers.flatMap(({ handler, durable, pausedUntil, reason, drift = [], ...figures }) => [
    ...(reason === undefined ? [] : [`${plugin}.${handler}: ${reason}`]),
    ...(pausedUntil === undefined ? [] : [pausedText(`${plugin}.${handler}`, durable, pausedUntil)]),
    ...drift.map((change) => `${plugin}.${handler}: its durable ${durable} was changed on the server: ${change}`),
    ...conflictText(figures).map((text) => `${plugin}.${handler}: ${text}`),
  ]);
}

/** Streams that were changed on the server, and the newer config that the host waits for. */
function settingsLines({ host, drift = [], newerConfig }: HostStatus): string[] {
  const changed = drift.map((one) => `stream ${one.stream} was changed on the server: ${one.drift.join(', ')}`);
  if (!newerConfig) return changed;
  return [...changed, `host ${host} waits: host ${newerConfig.host} has a newer configuration`];
}

function pausedText(handler: string, durable: string, until: string): string {
  const end = pauseText(new Date(until));
  return `${handler}: its durable ${durable} is paused on the server ${end}; \`npx jetplug resume ${handler}\` resumes it`;
}

function figures({ pending, inFlight, handled, failed, deadLettered }: HandlerStatus): (string | number)[] {
  return [pending ?? '?', inFlight ?? '?', handled, failed, deadLettered];
}
