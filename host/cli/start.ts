import type { Command } from 'commander';
import { configFiles, loadConfig, type LoadOptions } from '../config/load';
import type { Host } from '../host';
import type { HostLog } from '../log/log';
import { common, listOption, pluginsFolders, type CommonFlags } from './common';
import { errorsOf, print, printErrors } from './output';
import { progressBar } from './progress';
import { startScreen } from './start-screen';
import { stopOnSignals } from './stop-signals';
import { packageVersion } from '../base/package-version';

interface StartFlags extends CommonFlags {
  natsPort?: string;
  http?: string;
  watch: boolean;
  verbose?: true;
}

export function startCommand(program: Command): void {
  const command = pluginsFolders(common(program.command('start'), 'many-words'), 'many-words');
  listOption(command, '--servers', 'url', 'a NATS server to join', 'many-words')
    .description('run the host; joins a NATS server, or runs an embedded one')
    .option('--nats-port <port>', 'an embedded broker of its own, on this port; 0: any free one')
    .option('--data <dir>', 'an embedded broker of its own, with its data in this folder')
    .option('--http <host:port>', 'where /livez, /readyz and /metrics are served; "" for nowhere')
    .option('--verbose', 'on a terminal: all fields of a log line, and whole stacks')
    .option('--no-watch', 'do not follow changes in the plugins folders')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug start
  $ jetplug start --plugins plugins ../more-plugins
  $ jetplug start --servers nats://10.0.0.5:4222 --config production.yaml
  $ jetplug start --nats-port 0 --data /tmp/try --json
  $ OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 jetplug start   # with OpenTelemetry`,
    )
    .action(start);
}

async function start(flags: StartFlags): Promise<void> {
  // The host is imported here, so that other commands need not load it.
  const [{ Host }, { HostLog }] = await Promise.all([import('../host.js'), import('../log/log.js')]);
  // With source maps, the stack of a plugin's error names the line of the plugin's .ts file.
  process.setSourceMapsEnabled(true);
  const terminal = process.stdout.isTTY && !flags.json;
  const options: LoadOptions = {
    cwd: process.cwd(),
    env: process.env,
    ...(flags.config && { files: flags.config }),
    flags: {
      ...(flags.servers && { servers: flags.servers }),
      ...(flags.natsPort !== undefined && { natsPort: flags.natsPort }),
      ...(flags.data !== undefined && { data: flags.data }),
      ...(flags.plugins && { plugins: flags.plugins }),
      ...(flags.http !== undefined && { http: flags.http }),
      ...(flags.watch ? {} : { watch: false }),
      ...(flags.verbose && { verbose: true }),
    },
  };
  const { config, sourceOf } = loadConfig(options);
  const log = HostLog.create({ ...config.log, terminal });
  const bar = progressBar('nats-server');
  const host = new Host({
    config,
    sourceOf,
    source: { files: configFiles(options), load: () => loadConfig(options) },
    log,
    ...(terminal && { progress: bar.bytes }),
  });
  surviveUncaught(host);
  if (!terminal) logPrintedLines(log);
  stopOnSignals(host, log);
  try {
    const summary = await host.start();
    const { broker, streams, http, plugins, tookMs } = summary;
    if (terminal) for (const line of startScreen(summary)) print(line);
    else
      log.info('ready', {
        pid: process.pid,
        version: packageVersion(),
        broker: brokerFacts(broker),
        streams,
        http,
        plugins,
        tookMs,
      });
  } catch (failure) {
    printErrors(errorsOf(failure), !terminal);
    process.exitCode = 1;
  }
}

function brokerFacts({ kind, url, version }: { kind: string; url: string; version: string }): object {
  return { kind, url, version };
}

/**
 * Reports uncaught errors instead of ending the host. Errors of the host itself are treated alike, because the stack
 * often does not show whether a plugin caused the error. No event is lost: an event that stays unsettled is redelivered.
 */
function surviveUncaught({ faults }: Host): void {
  process.on('unhandledRejection', (reason) => faults.uncaught(reason, 'rejected'));
  process.on('uncaughtException', (error) => faults.uncaught(error, 'thrown'));
}

const MAX_PRINTED = 8_192;

/**
 * Turns text that plugins print on standard output into log lines, because other programs read that output line by
 * line as JSON. The log does not write through `process.stdout`.
 */
function logPrintedLines(log: HostLog): void {
  let text = '';
  process.stdout.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const lines = text.split('\n');
    text = lines.pop()!;
    if (text.length > MAX_PRINTED) {
      lines.push(text);
      text = '';
    }
    for (const line of lines) log.info('a plugin printed', { text: line });
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}
