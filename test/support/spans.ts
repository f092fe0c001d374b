import { api, metrics, NodeSDK, tracing } from '@opentelemetry/sdk-node';
import { machineTime } from '../../host/base/time';
import { Instruments } from '../../host/telemetry/instruments';
import { OpenTelemetry } from '../../host/telemetry/open-telemetry';
import { Spans } from '../../host/telemetry/spans';
import { TraceIds } from '../../host/telemetry/trace-ids';

type Span = ReturnType<tracing.InMemorySpanExporter['getFinishedSpans']>[number];

/** The host's telemetry, with the official SDK and its spans in memory. */
export class SpanBench {
  readonly telemetry: OpenTelemetry;
  private readonly exporter = new tracing.InMemorySpanExporter();
  private readonly sdk: NodeSDK;

  constructor(sampler?: tracing.Sampler) {
    const ids = new TraceIds(new tracing.RandomIdGenerator());
    this.sdk = new NodeSDK({
      spanProcessors: [new tracing.SimpleSpanProcessor(this.exporter)],
      metricReaders: [],
      logRecordProcessors: [],
      autoDetectResources: false,
      idGenerator: ids,
      ...(sampler && { sampler }),
    });
    this.sdk.start();
    const meter = new metrics.MeterProvider().getMeter('test');
    this.telemetry = new OpenTelemetry(new Spans(api, ids), new Instruments(meter), machineTime);
  }

  /** The spans that have ended, in the order of their ends. */
  get spans(): readonly Span[] {
    return this.exporter.getFinishedSpans();
  }

  /** The only span of this name. */
  span(name: string): Span {
    const found = this.spans.filter((each) => each.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans are named ${name}`);
    return found[0]!;
  }

  get names(): readonly string[] {
    return this.spans.map(({ name }) => name);
  }

  async stop(): Promise<void> {
    await this.sdk.shutdown();
    for (const part of ['trace', 'context', 'propagation'] as const) api[part].disable();
  }
}
