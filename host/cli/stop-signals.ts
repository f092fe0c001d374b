import type { Host } from '../host';
import type { HostLog } from '../log/log';
import { watchNpm } from './npm-parent';

/** Under npm a terminal's Ctrl-C reaches the host twice. A signal within this time counts as the same one. */
const SAME_SIGNAL_MS = 500;

/** SIGHUP comes when the terminal is closed. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Stops the host gracefully at the first signal or at the end of npm. A second signal ends the host at once. */
export function stopOnSignals(host: Pick<Host, 'stop'>, log: Pick<HostLog, 'info' | 'warn'>): void {
  let firstAtMs: number | undefined;
  const stop = (why: object): void => {
    firstAtMs = performance.now();
    npm.stop();
    log.info('stopping', why);
    void host.stop().then(() => {
      log.info('stopped');
      process.exit(process.exitCode ?? 0);
    });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAtMs === undefined) return stop({ signal });
    if (performance.now() - firstAtMs < SAME_SIGNAL_MS) return;
    log.warn('stopping at once', { signal });
    process.exit(1);
  };
  const npm = watchNpm(() => {
    if (firstAtMs === undefined) stop({ reason: 'npm, or the shell that it started this host in, has ended' });
  });
  for (const signal of SIGNALS) process.on(signal, onSignal);
}
