import type { Command } from 'commander';
import type { Config } from '../config/config';
import { configFiles, loadConfig, missingLayer, type LoadOptions } from '../config/load';
import type { Host, HostSummary } from '../host';
import type { HostLog } from '../log/log';
import { packageVersion } from '../base/package-version';
import type { Connection } from '../nats/connection';
import { common, listOption, loadOptions, pluginsFolders, type CommonFlags } from './common';
import { errorsOf, print, printErrors } from './output';
import { progressBar } from './progress';
import { startScreen } from './start-screen';
import { stopOnSignals } from './stop-signals';

/** The flags of the commands that run a host. */
export interface HostFlags extends CommonFlags {
  natsPort?: string;
  /** Only `start` has a flag for it. Default: true. */
  watch?: boolean;
  verbose?: true;
}

/** Adds the flags of a command that runs a host. */
export function hostFlags(command: Command): Command {
  pluginsFolders(common(command, 'many-words'), 'many-words');
  return listOption(command, '--servers', 'url', 'a NATS server to join', 'many-words')
    .option('--nats-port <port>', 'an embedded broker of its own, on this port; 0: any free one')
    .option('--data <dir>', 'an embedded broker of its own, with its data in this folder')
    .option('--http <host:port>', 'where the page, /livez, /readyz and /metrics are served; "" for nowhere')
    .option('--verbose', 'on a terminal: all fields of a log line, and whole stacks');
}

export interface RunOptions {
  /** Whether the output is for a person; otherwise each line is JSON. */
  readonly readable: boolean;
  /** Called before the host stops. */
  readonly closing?: () => Promise<void>;
}

/** A host that is ready. */
export interface RunningHost {
  readonly config: Config;
  readonly log: HostLog;
  readonly summary: HostSummary;
}

/**
 * Runs the host in this process, until a signal stops it gracefully. Resolves when it is ready, and with undefined if it
 * cannot start; the errors are then printed.
 */
export async function runHost(flags: HostFlags, { readable, closing }: RunOptions): Promise<RunningHost | undefined> {
  // The host is imported here, so that other commands need not load it.
  const [{ Host }, { HostLog }] = await Promise.all([import('../host.js'), import('../log/log.js')]);
  // With source maps, the stack of a plugin's error names the line of the plugin's .ts file.
  process.setSourceMapsEnabled(true);
  const options = hostOptions(flags);
  const { config, sourceOf } = loadConfig(options);
  const log = HostLog.create({ ...config.log, terminal: readable });
  const note = missingLayer(options);
  if (note !== undefined) log.info(note);
  const bar = progressBar('nats-server');
  const host = new Host({
    config,
    sourceOf,
    source: { files: configFiles(options), load: () => loadConfig(options) },
    log,
    ...(config.deploy.bindOnly && { connected: (connection) => refuseMissing(connection, config) }),
    ...(readable && { progress: bar.bytes }),
  });
  surviveUncaught(host);
  if (!readable) logPrintedLines(log);
  stopOnSignals({ stop: () => stopAll(host, log, closing) }, log);
  try {
    const summary = await host.start();
    announce(summary, log, readable);
    return { config, log, summary };
  } catch (failure) {
    printErrors(errorsOf(failure), !readable);
    process.exitCode = 1;
    return undefined;
  }
}

/** @throws AggregateError of an error for everything that is missing on the server */
async function refuseMissing(connection: Connection, config: Config): Promise<void> {
  const { missingAssets } = await import('./missing-assets.js');
  const missing = await missingAssets(connection, config);
  if (missing.length > 0) throw new AggregateError(missing, 'the host creates nothing on the server');
}

/** A failure before the host stops must not keep it from stopping. */
async function stopAll(host: Host, log: HostLog, closing: RunOptions['closing']): Promise<void> {
  try {
    await closing?.();
  } catch (error) {
    log.error('a part beside the host did not stop cleanly', { err: error });
  }
  await host.stop();
}

function hostOptions(flags: HostFlags): LoadOptions {
  const options = loadOptions(flags);
  return {
    ...options,
    flags: {
      ...options.flags,
      ...(flags.natsPort !== undefined && { natsPort: flags.natsPort }),
      ...(flags.watch === false && { watch: false }),
      ...(flags.verbose && { verbose: true }),
    },
  };
}

function announce(summary: HostSummary, log: HostLog, readable: boolean): void {
  if (readable) return startScreen(summary).forEach((line) => print(line));
  const { broker, streams, http, plugins, tookMs } = summary;
  const about = { pid: process.pid, version: packageVersion(), broker: brokerFacts(broker) };
  log.info('ready', { ...about, streams, http, plugins, tookMs });
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
