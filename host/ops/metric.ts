import type { DurablePosition } from '../broker/durable';
import type { HandlerCounters } from '../message/counters';
import type { Histogram } from '../message/histogram';
import type { Connection } from '../nats/connection';
import type { DriftedStream } from '../nats/stream-keeper';
import type { Plugins } from '../plugin/plugins';

type Labels = Readonly<Record<string, string>>;

/** A metric of `/metrics` with one value for each set of labels. */
export interface Metric {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** The values by their labels; the values of equal labels are added up. */
  samples(host: Measured): Iterable<readonly [labels: Labels, value: number]>;
}

/** A histogram of durations for each handler. */
export interface HistogramMetric {
  readonly name: string;
  readonly help: string;
  of(counters: HandlerCounters): Histogram;
}

/** The state of a host that the metrics are read from. */
export interface Measured {
  readonly plugins: Plugins;
  readonly connection: Connection;
  readonly handlers: readonly MeasuredHandler[];
  /** How many stored events no handler takes, by stream. */
  readonly unhandled: ReadonlyMap<string, number>;
  /** The streams that handlers can be on. */
  readonly streams: readonly { readonly name: string }[];
  readonly driftedStreams: readonly DriftedStream[];
  /** Set while the host waits for a newer config of another host. */
  readonly newerConfig: object | undefined;
}

export interface MeasuredHandler {
  readonly labels: Labels;
  readonly counters: HandlerCounters;
  /** The position of the durable; undefined while the server does not answer. */
  readonly position: DurablePosition | undefined;
  /** The age of the oldest unhandled event, in seconds; undefined where it is not known. */
  readonly lagS: number | undefined;
  readonly isPaused: boolean;
  readonly isCircuitOpen: boolean;
  /** How many settings of the durable somebody has changed on the server. */
  readonly drift: number;
}

export const HANDLER_LABELS = ['plugin', 'handler'] as const;

/** A metric with one value for each handler that runs. A handler without a value has no sample. */
export function ofHandlers(
  kind: Metric['kind'],
  name: string,
  help: string,
  valueOf: (handler: MeasuredHandler) => number | undefined,
): Metric {
  return {
    kind,
    name,
    help,
    labels: HANDLER_LABELS,
    *samples({ handlers }) {
      for (const handler of handlers) {
        const value = valueOf(handler);
        if (value !== undefined) yield [handler.labels, value];
      }
    },
  };
}

/** A metric of the host with at most one value, without labels. */
export function ofHost(
  kind: Metric['kind'],
  name: string,
  help: string,
  valueOf: (host: Measured) => number | undefined,
): Metric {
  return {
    kind,
    name,
    help,
    labels: [],
    *samples(host) {
      const value = valueOf(host);
      if (value !== undefined) yield [{}, value];
    },
  };
}
