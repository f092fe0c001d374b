import type { HostLog } from '../log/log';
import type { Connection } from '../nats/connection';
import type { HandlerLags } from '../ops/handler-lags';
import { measureHandlers } from '../ops/metrics-text';
import type { Plugins } from '../plugin/plugins';
import type { OpenedTelemetry } from '../telemetry/open';
import { telemetryWanted } from '../telemetry/wanted';

/**
 * Opens telemetry if the variables `OTEL_*` ask for it; otherwise none of its code is loaded.
 * @throws JetplugError `JP_TELEMETRY_MISSING`, `JP_TELEMETRY_INVALID`
 */
export async function openTelemetry(log: HostLog): Promise<OpenedTelemetry | undefined> {
  const wanted = telemetryWanted(process.env);
  if (!wanted) return undefined;
  const { openTelemetry: open } = await import('../telemetry/open.js');
  return open(wanted, log);
}

/** Adds the gauges of the handlers to the exported metrics. */
export function observeHandlers(
  { observe }: OpenedTelemetry,
  plugins: Plugins,
  connection: Connection,
  lags: HandlerLags,
): void {
  observe(async () => {
    const measured = await measureHandlers({ plugins, connection, lags });
    return measured.map(({ labels, position, lagS }) => ({
      plugin: labels['plugin']!,
      handler: labels['handler']!,
      pending: position?.pending,
      inFlight: position?.inFlight,
      lagS,
    }));
  });
}
