import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

type Values = Readonly<Record<string, unknown>>;

/** A span, as a collector receives it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  readonly statusCode: number | undefined;
  readonly attributes: Values;
  readonly links: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** The attributes of the data points, by the name of their metric. The later exports replace the earlier ones. */
  readonly metrics: ReadonlyMap<string, readonly Values[]>;
  /** The attributes of the resource. */
  readonly resource: Values;
  /** The headers of the requests that are no exports. */
  readonly others: readonly IncomingHttpHeaders[];
  stop(): Promise<void>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Values;
}

interface SentSpan extends Omit<ReceivedSpan, 'attributes' | 'links' | 'statusCode'> {
  readonly attributes: readonly KeyValue[];
  readonly links?: readonly { readonly spanId: string }[];
  readonly status: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface SentSpans {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

interface SentPoints {
  readonly dataPoints: readonly {
    readonly attributes: readonly KeyValue[];
    readonly asInt?: number;
    readonly asDouble?: number;
    readonly count?: number;
  }[];
}

interface SentMetrics {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly sum?: SentPoints;
        readonly gauge?: SentPoints;
        readonly histogram?: SentPoints;
      }[];
    }[];
  }[];
}

/** A server that takes OTLP as JSON over HTTP, and answers every other request with `ok`. */
export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const metrics = new Map<string, Values[]>();
  const resource: Record<string, unknown> = {};
  const others: IncomingHttpHeaders[] = [];
  const receive = (path: string, headers: IncomingHttpHeaders, body: string): void => {
    if (path === '/v1/traces') {
      for (const each of (JSON.parse(body) as SentSpans).resourceSpans) {
        Object.assign(resource, valuesOf(each.resource.attributes));
        for (const scope of each.scopeSpans) spans.push(...scope.spans.map(received));
      }
    } else if (path === '/v1/metrics') {
      for (const each of (JSON.parse(body) as SentMetrics).resourceMetrics)
        for (const scope of each.scopeMetrics)
          for (const { name, sum, gauge, histogram } of scope.metrics) {
            const points = (sum ?? gauge ?? histogram)!.dataPoints;
            metrics.set(
              name,
              points.map(({ attributes, asInt, asDouble, count }) => ({
                ...valuesOf(attributes),
                value: asInt ?? asDouble ?? count,
              })),
            );
          }
    } else others.push(headers);
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      receive(request.url!, request.headers, Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    resource,
    others,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function received({ attributes, links = [], status, ...span }: SentSpan): ReceivedSpan {
  const { name, traceId, spanId, kind, startTimeUnixNano, endTimeUnixNano } = span;
  return {
    ...{ name, traceId, spanId, kind },
    parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
    statusCode: status.code === 0 ? undefined : status.code,
    attributes: valuesOf(attributes),
    links: links.map(({ spanId }) => spanId),
    startMs: Number(startTimeUnixNano) / 1e6,
    endMs: Number(endTimeUnixNano) / 1e6,
  };
}

function valuesOf(attributes: readonly KeyValue[]): Values {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
