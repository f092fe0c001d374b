/** The signals that the variables of OpenTelemetry ask for. */
export interface Wanted {
  readonly traces: boolean;
  readonly metrics: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads which signals the variables `OTEL_*` ask for; undefined if they ask for none. */
export function telemetryWanted(env: Env): Wanted | undefined {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return undefined;
  const traces = isWanted(env, 'TRACES');
  const metrics = isWanted(env, 'METRICS');
  return traces || metrics ? { traces, metrics } : undefined;
}

function isWanted(env: Env, signal: 'TRACES' | 'METRICS'): boolean {
  const exporter = env[`OTEL_${signal}_EXPORTER`]?.trim() ?? '';
  if (exporter !== '') return exporter !== 'none';
  return [env['OTEL_EXPORTER_OTLP_ENDPOINT'], env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]].some(
    (endpoint) => endpoint !== undefined && endpoint.trim() !== '',
  );
}
