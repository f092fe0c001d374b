import type { Connection } from '../nats/connection';
import type { ConsumingHandler } from '../plugin/consume';
import type { Plugins } from '../plugin/plugins';

/** Whether the host does its work, and what keeps it from it. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Whether its durable delivers nothing to it. */
function isKeptFromConsuming({ state, waitsFor }: ConsumingHandler): boolean {
  return state === 'paused' || waitsFor === 'durable' || waitsFor === 'refused';
}

function whyKept({ durable, reason, pausedUntil }: ConsumingHandler): string {
  const { durable: name } = durable;
  if (reason !== undefined) return `durable ${name}: ${reason}`;
  return pausedUntil ? `durable ${name} is paused on the server until ${pausedUntil.toISOString()}` : '';
}

/** Ready: connected, and every plugin that should run consumes. */
export function readiness(
  plugins: Plugins,
  connection: Connection,
  missingStreams: readonly string[],
  phase: 'starting' | 'running' | 'stopping',
): Readiness {
  const reasons: string[] = [];
  if (phase !== 'running') reasons.push(`the host is ${phase}`);
  if (!connection.connected) reasons.push('the NATS server is not connected');
  for (const stream of missingStreams) reasons.push(`the stream ${stream} is gone and not made again yet`);
  for (const { name, state, errors, handlers } of plugins.entries) {
    if (state === 'running' || state === 'stopped') continue;
    const kept = handlers.filter(isKeptFromConsuming);
    // A handler whose service is down, or whose keys are slow, waits for those, not for this host.
    if (state === 'waiting' && kept.length === 0) continue;
    const [error] = errors;
    const why = error ? `${error.message} (${error.code})` : kept.map(whyKept).filter(Boolean).join('; ');
    reasons.push(`plugin ${name} is ${state}${why === '' ? '' : `: ${why}`}`);
  }
  return { ready: reasons.length === 0, reasons };
}
