import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';

type IdGenerator = NodeSDKConfiguration['idGenerator'];

/**
 * The ids of spans. All handlers of an event without a trace context get the trace id that is derived from the event, so
 * that their spans form one trace, and the trace is sampled as a whole.
 */
export class TraceIds implements IdGenerator {
  private next: string | undefined;

  constructor(private readonly random: IdGenerator) {}

  /** Starts a span. If it has no parent, it gets this trace id. */
  startWith<T>(traceId: string | undefined, start: () => T): T {
    this.next = traceId;
    const started = start();
    this.next = undefined;
    return started;
  }

  generateTraceId(): string {
    return this.next ?? this.random.generateTraceId();
  }

  generateSpanId(): string {
    return this.random.generateSpanId();
  }
}
