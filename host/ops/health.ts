import { pauseText } from '../base/pause-text';
import type { Connection } from '../nats/connection';
import type { ConsumingHandler } from '../plugin/consume';
import type { CommitLogs } from '../plugin/commit-logs';
import type { Plugins } from '../plugin/plugins';

/** Whether the host can do its work, and the reasons why not. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Whether the handler's durable delivers nothing, or none of its runs can be committed. */
function isBlocked({ state, waitsFor }: ConsumingHandler): boolean {
  return state === 'paused' || waitsFor === 'durable' || waitsFor === 'refused' || waitsFor === 'log';
}

function blockReason({ durable, waitsFor, reason, pausedUntil }: ConsumingHandler): string {
  const { durable: name } = durable;
  if (waitsFor === 'log') return reason ?? '';
  if (reason !== undefined) return `durable ${name}: ${reason}`;
  return pausedUntil ? `durable ${name} is paused on the server ${pauseText(pausedUntil)}` : '';
}

/**
 * Decides whether the host is ready: it is connected, every stream exists, and every plugin that should run consumes.
 * @param missingStreams the names of managed streams that have been deleted and do not exist again yet
 * @param commitProblems the plugins whose commits cannot be stored
 */
export function readiness(
  plugins: Plugins,
  connection: Connection,
  missingStreams: readonly string[],
  commitProblems: CommitLogs['problems'],
  phase: 'starting' | 'running' | 'stopping',
): Readiness {
  const reasons: string[] = [];
  if (phase !== 'running') reasons.push(`the host is ${phase}`);
  if (!connection.connected) reasons.push('the NATS server is not connected');
  for (const stream of missingStreams) reasons.push(`stream ${stream} was deleted and does not exist again yet`);
  for (const { plugin, reason } of commitProblems) reasons.push(`plugin ${plugin}: ${reason}`);
  for (const { name, state, errors, handlers } of plugins.entries) {
    if (state === 'running' || state === 'stopped') continue;
    const blocked = handlers.filter(isBlocked);
    // A handler that waits for its own service or for the order of its keys does not make the host unready.
    if (state === 'waiting' && blocked.length === 0) continue;
    const [error] = errors;
    const blocks = new Set(blocked.map(blockReason).filter(Boolean));
    const why = error ? `${error.message} (${error.code})` : [...blocks].join('; ');
    reasons.push(`plugin ${name} is ${state}${why === '' ? '' : `: ${why}`}`);
  }
  return { ready: reasons.length === 0, reasons };
}
