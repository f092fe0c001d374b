import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { askHosts } from '../nats/service';
import { mergeStatuses, type HandlerStatus, type PluginStatus } from '../ops/status';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, place, print, printJson, table } from './output';

export function pluginsCommand(program: Command): void {
  reachesBroker(program.command('plugins'))
    .argument('[name]', 'one plugin, in full')
    .description('what runs, asked of the running hosts')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug plugins
  $ jetplug plugins badge
  $ jetplug plugins --json`,
    )
    .action(plugins);
}

async function plugins(name: string | undefined, flags: CommonFlags): Promise<void> {
  const answers = await withBroker(flags, (connection) => askHosts<PluginStatus[]>(connection, 'plugins'));
  if (answers.length === 0) throw new JetplugError('JP_NO_HOST', 'no running host answered');
  const all = mergeStatuses(answers);
  const shown = name === undefined ? all : all.filter(({ plugin }) => plugin === name);
  if (shown.length === 0) {
    const known = all.map(({ plugin }) => plugin).join(', ');
    throw new JetplugError('JP_NOT_FOUND', `no host has a plugin ${JSON.stringify(name)}; there are ${known}`);
  }
  if (flags.json) return printJson(shown);
  if (name === undefined) for (const line of overview(shown)) print(line);
  else for (const line of shown.flatMap(detail)) print(line);
}

function overview(all: readonly PluginStatus[]): string[] {
  const head = ['plugin', 'state', 'subject → durable', 'pending', 'in flight', 'handled', 'failed', 'dead'].map(
    (text) => paint('dim', text),
  );
  const rows = all.flatMap((plugin) =>
    plugin.handlers.length === 0
      ? [[plugin.plugin, state(plugin), plugin.error?.message ?? '']]
      : plugin.handlers.map((handler, i) => [
          i === 0 ? plugin.plugin : '',
          i === 0 ? state(plugin) : '',
          `${handler.subject} → ${handler.durable}`,
          ...figures(handler).map(String),
        ]),
  );
  return table([head, ...rows]);
}

function figures({ pending, inFlight, handled, failed, deadLettered }: HandlerStatus): (string | number)[] {
  return [pending ?? '?', inFlight ?? '?', handled, failed, deadLettered];
}

function state(plugin: PluginStatus): string {
  const colour = plugin.state === 'running' ? 'green' : plugin.state === 'failed' ? 'red' : 'yellow';
  const [waiting] = plugin.handlers.filter(({ waitsFor }) => waitsFor !== undefined);
  return paint(colour, waiting ? `${plugin.state} (${waiting.waitsFor})` : plugin.state);
}

function detail(plugin: PluginStatus): string[] {
  const lines = [
    `${paint('bold', plugin.plugin)}  ${state(plugin)}`,
    ...table(
      [
        ['file', place(plugin.file)],
        ['version', plugin.version ?? '?'],
      ],
      '  ',
    ),
  ];
  if (plugin.error) {
    const { message, code, file, line, hint } = plugin.error;
    lines.push(`  ${paint('red', message)} ${code}`, `  at ${place(file ?? plugin.file, line)}`, `  ${hint ?? ''}`);
  }
  for (const handler of plugin.handlers) {
    const rows = Object.entries(handler).map(([key, value]) => [key, inWords(value)]);
    lines.push('', ...table(rows, '  '));
  }
  return lines;
}

function inWords(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.values(value).map(String).join(': ') : String(value);
}
