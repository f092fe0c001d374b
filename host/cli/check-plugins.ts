import { fork } from 'node:child_process';
import { join } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { decodeError } from '../isolation/wire-error';
import type { ContractRecord } from '../plugin/contract-record';
import type { PluginAssets } from '../plugin/plugin-assets';
import type { Claimant } from '../plugin/name-registry';
import { errorsOf } from './output';
import type { CheckConfig, CheckMessage, CheckOrder } from './check-protocol';

/** The findings about one plugin file. */
export interface CheckedPlugin {
  readonly plugin?: Claimant | undefined;
  readonly contracts?: ContractRecord | undefined;
  /** Present where the assets of the plugins are asked for. */
  readonly assets?: PluginAssets | undefined;
  readonly problems: readonly JetplugError[];
  readonly warnings: readonly JetplugError[];
}

type At = CheckMessage & { is: 'at' };

/** The sections of the config that the order needs. */
export function checkConfigOf({ deploy, plugins, streams, delivery, deadLetters }: Config): CheckConfig {
  return { deploy, plugins, streams, delivery, deadLetters };
}

/**
 * Loads and builds the plugins one after the other in a child process. When a plugin ends that process or takes too
 * long, it gets a problem, and another process checks the remaining files.
 */
export async function checkPlugins(order: CheckOrder): Promise<CheckedPlugin[]> {
  const checked: CheckedPlugin[] = [];
  while (checked.length < order.files.length) {
    const files = order.files.slice(checked.length);
    const lost = await checkInProcess({ ...order, files }, (one) => void checked.push(one));
    if (lost) checked.push({ problems: [lost], warnings: [] });
  }
  return checked;
}

/** Resolves when the process has ended, with an error if it ended before it had checked every file. */
function checkInProcess(order: CheckOrder, take: (checked: CheckedPlugin) => void): Promise<JetplugError | undefined> {
  const child = fork(join(__dirname, 'check-child.js'), [], {
    execArgv: [],
    // The output of plugins goes to standard error, so that standard output has only the findings.
    stdio: ['ignore', 2, 2, 'ipc'],
    serialization: 'json',
  });
  return new Promise((resolve, reject) => {
    const limitMs = order.config.plugins.startTimeoutMs;
    let at: At | undefined;
    let taken = 0;
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    child.on('message', (message: CheckMessage) => {
      clearTimeout(timer);
      if (message.is === 'at') {
        at = message;
        timer = setTimeout(() => (isLate = child.kill('SIGKILL')), limitMs);
        return;
      }
      taken++;
      const { file, plugin, contracts, assets, problems, warnings } = message;
      const decoded = (errors: typeof problems): JetplugError[] =>
        errors.flatMap((error) => errorsOf(decodeError(error))).map((error) => error.with({ file }));
      take({ plugin, contracts, assets, problems: decoded(problems), warnings: decoded(warnings) });
    });
    child.once('error', (cause) => {
      // The process could not be started or could not get its order, so an `exit` event may never come.
      clearTimeout(timer);
      reject(new JetplugError('JP_INTERNAL', `plugins cannot be checked: ${cause.message}`, { cause }));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (taken === order.files.length) return resolve(undefined);
      resolve(isLate ? late(at, limitMs) : ended(at, order.files[taken]!, signal ?? `exit code ${code}`));
    });
    child.send(order);
  });
}

function late(at: At | undefined, limitMs: number): JetplugError {
  const message = `${at?.step ?? 'the process'} did not end within ${limitMs} ms`;
  return new JetplugError('JP_PLUGIN_LOAD_TIMEOUT', message, at?.where);
}

function ended(at: At | undefined, file: string, how: string): JetplugError {
  const message = `${at?.step ?? 'the plugin'} ended the process: ${how}`;
  const hint = 'Find what ends it: a call of process.exit, or memory that runs out. The host would end with it.';
  return new JetplugError('JP_PLUGIN_LOAD_FAILED', message, { ...(at?.where ?? { file, line: 1 }), hint });
}
