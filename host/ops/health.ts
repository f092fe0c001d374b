import type { Connection } from '../nats/connection';
import type { Plugins } from '../plugin/plugins';

/** Whether the host does its work, and what keeps it from it. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Ready: connected, and every plugin that should run consumes. */
export function readiness(
  plugins: Plugins,
  connection: Connection,
  phase: 'starting' | 'running' | 'stopping',
): Readiness {
  const reasons: string[] = [];
  if (phase !== 'running') reasons.push(`the host is ${phase}`);
  if (!connection.connected) reasons.push('the NATS server is not connected');
  for (const { name, state, errors, handlers } of plugins.entries) {
    if (state === 'running' || state === 'stopped') continue;
    // A handler whose service is down, or whose keys are slow, waits for those, not for this host.
    if (state === 'waiting' && handlers.every((handler) => handler.waitsFor !== 'durable')) continue;
    const [error] = errors;
    reasons.push(`plugin ${name} is ${state}${error ? `: ${error.message} (${error.code})` : ''}`);
  }
  return { ready: reasons.length === 0, reasons };
}
