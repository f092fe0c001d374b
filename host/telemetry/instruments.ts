import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';

/** The bucket bounds that the conventions ask for, in seconds. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The state of one handler, for the gauges. */
export interface HandlerGauges {
  readonly plugin: string;
  readonly handler: string;
  /** How many events are not delivered yet; undefined while the server does not answer. */
  readonly pending: number | undefined;
  /** How many events are delivered and not settled. */
  readonly inFlight: number | undefined;
  /** The age of the oldest event that is not settled, in seconds. */
  readonly lagS: number | undefined;
}

/** The metrics of the conventions for messaging, and gauges of each handler. */
export class Instruments {
  private readonly sent: Counter;
  private readonly consumed: Counter;
  private readonly processing: Histogram;
  private readonly operations: Histogram;

  constructor(private readonly meter: Meter) {
    const seconds = { unit: 's', advice: { explicitBucketBoundaries: BOUNDS_S } };
    this.sent = meter.createCounter('messaging.client.sent.messages', {
      unit: '{message}',
      description: 'Number of messages producer attempted to send to the broker.',
    });
    this.consumed = meter.createCounter('messaging.client.consumed.messages', {
      unit: '{message}',
      description: 'Number of messages that were delivered to the application.',
    });
    this.processing = meter.createHistogram('messaging.process.duration', {
      ...seconds,
      description: 'Duration of processing operation.',
    });
    this.operations = meter.createHistogram('messaging.client.operation.duration', {
      ...seconds,
      description: 'Duration of messaging operation initiated by a producer or consumer client.',
    });
  }

  processed(messages: number, tookMs: number, attributes: Attributes): void {
    this.consumed.add(messages, attributes);
    this.processing.record(tookMs / 1_000, attributes);
  }

  sentOne(tookMs: number, attributes: Attributes): void {
    this.sent.add(1, attributes);
    this.operations.record(tookMs / 1_000, attributes);
  }

  settled(tookMs: number, attributes: Attributes): void {
    this.operations.record(tookMs / 1_000, attributes);
  }

  /** Adds gauges of each handler. They are read at each export. */
  observe(read: () => Promise<readonly HandlerGauges[]>): void {
    const { meter } = this;
    const pending = meter.createObservableGauge('jetplug.handler.pending', {
      unit: '{message}',
      description: 'Events in the stream not delivered yet.',
    });
    const inFlight = meter.createObservableGauge('jetplug.handler.in_flight', {
      unit: '{message}',
      description: 'Events delivered and not settled, over all hosts.',
    });
    const lag = meter.createObservableGauge('jetplug.handler.lag', {
      unit: 's',
      description: 'Age of the oldest event in the stream that is not settled.',
    });
    meter.addBatchObservableCallback(
      async (result) => {
        for (const { plugin, handler, ...state } of await read()) {
          const attributes = { 'jetplug.plugin': plugin, 'jetplug.handler': handler };
          if (state.pending !== undefined) result.observe(pending, state.pending, attributes);
          if (state.inFlight !== undefined) result.observe(inFlight, state.inFlight, attributes);
          if (state.lagS !== undefined) result.observe(lag, state.lagS, attributes);
        }
      },
      [pending, inFlight, lag],
    );
  }
}
