import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import type * as Sdk from '@opentelemetry/sdk-node';
import { JetplugError } from '../../sdk/internal';
import { withCauses } from '../base/causes';
import { endsWithin } from '../base/retry-until';
import { machineTime } from '../base/time';
import { traceRequests } from '../base/trace-requests';
import type { HostLog } from '../log/log';
import { diagnosticsTo } from './diagnostics';
import { Instruments, type HandlerGauges } from './instruments';
import { OpenTelemetry } from './open-telemetry';
import { Spans } from './spans';
import { TraceIds } from './trace-ids';
import type { Wanted } from './wanted';

const PACKAGE = '@opentelemetry/sdk-node';
/** How long the last export may take when the host stops. */
export const FLUSH_MS = 2_000;

/** The telemetry of a running host. */
export interface OpenedTelemetry {
  readonly telemetry: OpenTelemetry;
  /** Adds the gauges of the handlers to the metrics. */
  observe(read: () => Promise<readonly HandlerGauges[]>): void;
  /** Exports what is left, for at most 2 s, and ends the SDK. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Loads and starts the official SDK, which reads the variables `OTEL_*` itself.
 * @throws JetplugError `JP_TELEMETRY_MISSING` if the SDK is not installed, `JP_TELEMETRY_INVALID` if it refuses a variable
 */
export async function openTelemetry(wanted: Wanted, log: HostLog): Promise<OpenedTelemetry> {
  const sdk = await loadSdk();
  const { api } = sdk;
  const ids = new TraceIds(new sdk.tracing.RandomIdGenerator());
  const node = startSdk(sdk, { ...configOf(sdk, wanted), idGenerator: ids }, log);
  const spans = new Spans(api, ids);
  const instruments = new Instruments(api.metrics.getMeter('jetplug'));
  const untrace = traceRequests(() => {
    const context = api.context.active();
    return api.trace.getSpan(context) && !sdk.core.isTracingSuppressed(context) ? spans.headersIn(context) : undefined;
  });
  return {
    telemetry: new OpenTelemetry(spans, instruments, machineTime),
    observe: (read) => instruments.observe(read),
    stop: async () => {
      untrace();
      await flush(node, log);
      for (const part of ['trace', 'metrics', 'context', 'propagation', 'diag'] as const) api[part].disable();
    },
  };
}

async function loadSdk(): Promise<typeof Sdk> {
  try {
    return await import('@opentelemetry/sdk-node');
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw invalid(cause);
    throw new JetplugError(
      'JP_TELEMETRY_MISSING',
      `the variables OTEL_* ask for telemetry, and ${PACKAGE} is missing`,
      {
        cause,
      },
    );
  }
}

function startSdk(sdk: typeof Sdk, config: Partial<NodeSDKConfiguration>, log: HostLog): Sdk.NodeSDK {
  const { diag, DiagLogLevel } = sdk.api;
  const options = { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true };
  const logger = diagnosticsTo(log);
  diag.setLogger(logger, options);
  try {
    const node = new sdk.NodeSDK(config);
    // With OTEL_LOG_LEVEL, the SDK's constructor replaces the logger by one that prints.
    if (process.env['OTEL_LOG_LEVEL'] === undefined) diag.setLogger(logger, options);
    node.start();
    return node;
  } catch (cause) {
    throw invalid(cause);
  }
}

function configOf({ resources }: typeof Sdk, { traces, metrics }: Wanted): Partial<NodeSDKConfiguration> {
  const { defaultResource, resourceFromAttributes, hostDetector, serviceInstanceIdDetector, envDetector } = resources;
  return {
    // Later sources replace earlier ones, so OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': 'jetplug' })),
    // The SDK's default includes the arguments of the process, which may contain the password of a server.
    ...(!process.env['OTEL_NODE_RESOURCE_DETECTORS'] && {
      resourceDetectors: [hostDetector, serviceInstanceIdDetector, envDetector],
    }),
    // By default the SDK exports all signals, to the local collector.
    ...(!traces && { spanProcessors: [] }),
    ...(!metrics && { metricReaders: [] }),
    logRecordProcessors: [],
  };
}

async function flush(node: Sdk.NodeSDK, log: HostLog): Promise<void> {
  const flushed = node.shutdown().catch((error: unknown) => {
    log.warn('the last telemetry could not be exported', { error: withCauses(error) });
  });
  if (!(await endsWithin(flushed, FLUSH_MS)))
    log.warn('the last telemetry could not be exported in time', { afterMs: FLUSH_MS });
}

function invalid(cause: unknown): JetplugError {
  return new JetplugError('JP_TELEMETRY_INVALID', `OpenTelemetry cannot start: ${withCauses(cause)}`, { cause });
}
