import type { HostSummary } from '../host';
import type { PluginStatus } from '../ops/status';
import { packageVersion } from '../base/package-version';
import { paint, place, table } from './output';

/** The lines that a terminal shows when the host is ready. */
export function startScreen({ broker, streams, plugins, http, hasPage, tookMs }: HostSummary): string[] {
  const dim = (text: string): string => paint('dim', text);
  const served = hasPage ? 'the page, /livez /readyz /metrics' : '/livez /readyz';
  const how = broker.kind === 'embedded' ? 'embedded' : 'joined';
  const facts = [
    [dim('broker'), `${broker.url}  ${dim(`${how} nats-server ${broker.version}`)}`],
    ...streams.map((stream, i) => [
      i === 0 ? dim('streams') : '',
      `${stream.name}  ${dim(`${stream.subjects.join(' ')}  ${stream.change}, ${stream.messages} messages`)}`,
    ]),
    ...(http === undefined ? [] : [[dim('http'), `${http}  ${dim(served)}`]]),
  ];
  const failed = plugins.filter(({ state }) => state === 'failed');
  const running = plugins.length - failed.length;
  return [
    '',
    `  ${paint('bold', 'Jetplug')} ${packageVersion()}`,
    '',
    ...table(facts, '  '),
    '',
    ...pluginTable(plugins).map((line) => `  ${line}`),
    '',
    `  ${running} of ${plugins.length} plugins running, ready in ${(tookMs / 1_000).toFixed(1)} s. Try:`,
    '',
    ...examples(plugins).map((line) => `    ${paint('cyan', line)}`),
    '',
  ];
}

/**
 * Returns a row for each handler, with its subject, durable and pending events. A plugin that failed has its error and
 * place instead.
 */
function pluginTable(plugins: readonly PluginStatus[]): string[] {
  const dim = (text: string): string => paint('dim', text);
  const rows = plugins.flatMap((plugin) =>
    plugin.handlers.map((handler, i) => [
      i === 0 ? `${mark(plugin)} ${plugin.plugin}` : '',
      `${handler.subject} ${dim('→')} ${handler.durable}`,
      String(handler.pending ?? '?'),
    ]),
  );
  const head = ['  plugin', `subject → durable`, 'pending'].map(dim);
  const lines = rows.length > 0 ? table([head, ...rows]) : [];
  for (const plugin of plugins.filter(({ handlers }) => handlers.length === 0)) {
    lines.push(`${mark(plugin)} ${plugin.plugin}  ${plugin.state}`);
    if (!plugin.error) continue;
    const { message, code, file = plugin.file, line, hint } = plugin.error;
    lines.push(`    ${message} ${dim(code)}`, `    at ${place(file, line)}`);
    if (hint) lines.push(`    ${dim(hint)}`);
  }
  return lines;
}

function mark({ state }: PluginStatus): string {
  if (state === 'running') return paint('green', '✔');
  return state === 'failed' ? paint('red', '✖') : paint('yellow', '•');
}

function examples(plugins: readonly PluginStatus[]): string[] {
  const takes = plugins.some(({ handlers }) => handlers.some(({ subject }) => subject === 'video.watch_started'));
  const pub = takes ? [`npx jetplug publish video.watch_started '{"user_id":"u1","video_id":"v1"}'`] : [];
  return [...pub, 'npx jetplug plugins'];
}
