import type { Logger } from '../../sdk';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { withinStopLimit } from '../base/stop-limit';
import { cut, utf8 } from '../base/utf8';
import { newHeaders, nuid, servicesOf, setNumbers, type ServiceMsg } from './client';
import type { Connection } from './connection';
import { EndpointCounts } from './endpoint-counts';
import { API_HEADER, API_VERSION, SERVICE } from './service';

/** A request that hosts answer. */
export interface Endpoint {
  /** The purpose of the endpoint, its request and its answer, in words. They are in its metadata. */
  readonly description: string;
  readonly request: string;
  readonly response: string;
  /**
   * Answers a request.
   * @param about the payload of the request
   * @throws JetplugError `JP_REQUEST_INVALID` for a payload that is no request of this kind
   */
  readonly answer: (about: string, reply: Reply) => Promise<unknown>;
  /** Returns the `data` of the endpoint's statistics. */
  readonly figures?: () => Promise<unknown>;
}

/** Where a request is answered. */
export interface Reply {
  /** Identifies the program that asks. */
  readonly inbox: string;
  /** Sends a further answer, which is JSON. Never throws. */
  readonly send: (json: string) => void;
}

/** The host, as the micro service describes it. */
interface ServedHost {
  readonly version: string;
  readonly log: Logger;
  /** The metadata that never changes. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Metadata that is read for each answer. */
  readonly liveMetadata: Readonly<Record<string, () => string>>;
  /** By name. The subject is `jetplug.<name>`. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
}

/** A longer request is refused. The longest useful one is a filter of `tail`. */
const MAX_REQUEST_BYTES = 65_536;
const MAX_DESCRIPTION = 500;
const DEFAULT_MAX_PAYLOAD = 1_048_576;
/** How long the end of the service may take. A server that hangs never confirms it, and the plugins stop after it. */
export const SERVICE_STOP_MS = 1_000;

/**
 * Registers the host as a NATS micro service (ADR-32), so that `nats micro ls` shows it. Every host answers, not only
 * one of a group, because each knows only its own plugins.
 */
export async function serveAnswers(connection: Connection, host: ServedHost): Promise<{ stop(): Promise<unknown> }> {
  const { version, log, liveMetadata, endpoints } = host;
  const metadata: Record<string, string> = { ...host.metadata };
  const counts = new Map(Object.keys(endpoints).map((name) => [name, new EndpointCounts()]));
  const service = await servicesOf(connection.nc).add({
    name: SERVICE,
    version,
    description: 'Jetplug event host',
    metadata,
    // The client requires a queue group. A group that has only this host works like no group.
    queue: `host-${nuid.next()}`,
    statsHandler: async (endpoint) => {
      const name = setNumbers(endpoint, (of) => counts.get(of)?.numbers);
      return endpoints[name]?.figures?.();
    },
  });
  // The client encodes the answer to PING once, above. It reads the metadata again for each INFO and STATS.
  for (const [name, get] of Object.entries(liveMetadata))
    Object.defineProperty(metadata, name, { get, enumerable: true });
  for (const [name, endpoint] of Object.entries(endpoints)) {
    const { description, request, response } = endpoint;
    const answerer = new Answerer(connection, endpoint, counts.get(name)!, log);
    service.addEndpoint(name, {
      subject: `${SERVICE}.${name}`,
      metadata: { description, request, response },
      handler: (error, message) => {
        if (!error) void answerer.answer(message);
      },
    });
  }
  return { stop: () => withinStopLimit(service.stop(), SERVICE_STOP_MS) };
}

/** Answers the requests of an endpoint. */
class Answerer {
  constructor(
    private readonly connection: Connection,
    private readonly endpoint: Endpoint,
    private readonly counts: EndpointCounts,
    private readonly log: Logger,
  ) {}

  /** Answers a request, with an error if that is what comes of it. Never rejects. */
  async answer(message: ServiceMsg): Promise<void> {
    const startedMs = performance.now();
    let error: JetplugError | undefined;
    try {
      const value = await this.endpoint.answer(textOf(message), this.replyTo(message));
      message.respond(this.encode(value), { headers: apiHeaders() });
    } catch (thrown) {
      error = asJetplugError(thrown);
      this.refuse(message, error);
    }
    this.counts.add(performance.now() - startedMs, error);
  }

  private replyTo(message: ServiceMsg): Reply {
    const send = (json: string): void => this.orLog(() => message.respond(json, { headers: apiHeaders() }));
    return { inbox: message.reply ?? '', send };
  }

  private encode(value: unknown): string {
    const text = JSON.stringify(value);
    const max = this.connection.nc.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
    const bytes = Buffer.byteLength(text);
    if (bytes <= max) return text;
    throw new JetplugError('JP_ANSWER_TOO_LARGE', `the answer has ${bytes} bytes, and the server takes ${max}`);
  }

  private refuse(message: ServiceMsg, error: JetplugError): void {
    const headers = apiHeaders();
    headers.set('Jetplug-Error-Code', error.code);
    const status = error.code === 'JP_REQUEST_INVALID' ? 400 : 500;
    const { message: text } = error;
    // A header has no line ends.
    const description = cut(text.replace(/\s+/g, ' '), MAX_DESCRIPTION);
    this.orLog(() => message.respondError(status, description, Buffer.from(JSON.stringify(error)), { headers }));
  }

  /** Sends an answer. Without a connection nobody can be answered. */
  private orLog(send: () => unknown): void {
    try {
      send();
    } catch (error) {
      this.log.debug('cannot answer a request', { err: error });
    }
  }
}

function apiHeaders(): ReturnType<typeof newHeaders> {
  const headers = newHeaders();
  headers.set(API_HEADER, API_VERSION);
  return headers;
}

/** @throws JetplugError `JP_REQUEST_INVALID` */
function textOf({ data }: ServiceMsg): string {
  if (data.length > MAX_REQUEST_BYTES) {
    const message = `the request has ${data.length} bytes, and at most ${MAX_REQUEST_BYTES} are read`;
    throw new JetplugError('JP_REQUEST_INVALID', message);
  }
  try {
    return utf8(data);
  } catch (cause) {
    throw new JetplugError('JP_REQUEST_INVALID', 'the request is not UTF-8', { cause });
  }
}

function asJetplugError(thrown: unknown): JetplugError {
  if (isJetplugError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new JetplugError('JP_INTERNAL', message, { cause: thrown });
}
