/**
 * Everything that the host uses of the NATS client. No other file imports the client, so a change to its successor
 * packages (`@nats-io/*`) touches this file, `failures.ts` (the codes of the client's errors) and `package.json`.
 */
import {
  ErrorCode,
  NatsError,
  type ApiError,
  type Endpoint,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type KV,
  type Msg,
  type NatsConnection,
  type ServicesAPI,
  type StreamConfig,
} from 'nats';

export {
  AckPolicy,
  connect,
  createInbox,
  credsAuthenticator,
  DeliverPolicy,
  DiscardPolicy,
  Events,
  headers as newHeaders,
  nanos,
  nkeyAuthenticator,
  nuid,
  ReplayPolicy,
  RequestStrategy,
  RetentionPolicy,
  StorageType,
  StoreCompression,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
export type {
  ApiError,
  Authenticator,
  ConnectionOptions,
  ConsumerConfig,
  ConsumerInfo,
  JetStreamClient,
  JetStreamManager,
  JsMsg,
  Msg,
  MsgHdrs,
  MsgRequest,
  NatsConnection,
  PubAck,
  ServiceMsg,
  Status,
  StoredMsg,
  StreamInfo,
  StreamInfoRequestOptions,
  StreamState,
  Subscription,
} from 'nats';

/** A stream's settings. The client does not know all of them. */
export type ServerStreamConfig = StreamConfig & {
  /** Whether the stream takes atomic batches (ADR-50). */
  readonly allow_atomic?: boolean;
};

export function jetStreamOf(nc: NatsConnection, apiPrefix: string): JetStreamClient {
  return nc.jetstream({ apiPrefix });
}

/**
 * Returns the client's manager of JetStream. Sends no request, because the caller checks by itself that JetStream
 * answers.
 */
export function jetStreamManagerOf(nc: NatsConnection, apiPrefix: string): Promise<JetStreamManager> {
  return nc.jetstreamManager({ apiPrefix, checkAPI: false });
}

/** Opens a bucket that exists. */
export function keyValueOf(js: JetStreamClient, bucket: string): Promise<KV> {
  return js.views.kv(bucket, { bindOnly: true });
}

export function servicesOf(nc: NatsConnection): ServicesAPI {
  return nc.services;
}

/** The numbers of an endpoint in the statistics of a micro service. Times are in nanoseconds. */
export interface EndpointNumbers {
  readonly num_requests: number;
  readonly num_errors: number;
  readonly last_error: string | undefined;
  readonly processing_time: number;
  readonly average_processing_time: number;
}

/**
 * Replaces the client's own numbers of an endpoint.
 * @returns the name of the endpoint
 */
export function setNumbers(endpoint: Endpoint, numbersOf: (name: string) => EndpointNumbers | undefined): string {
  const { name, stats } = endpoint as Endpoint & EndpointInternals;
  Object.assign(stats, numbersOf(name));
  return name;
}

/** Returns the error that the client itself would throw. */
export function clientError(code: keyof typeof ErrorCode, message?: string): Error {
  return message === undefined ? NatsError.errorForCode(ErrorCode[code]) : new NatsError(message, ErrorCode[code]);
}

/** Returns the error that the client makes of an error answer of JetStream. */
export function jetStreamError(error: ApiError): Error {
  const failure = new NatsError(error.description, String(error.code));
  failure.api_error = error;
  return failure;
}

/** Fields that the client has but does not publish, in the version that package.json pins. */
interface ConnectionInternals {
  readonly protocol: {
    sendCommand(command: string): void;
    readonly lastError?: { readonly code: string; readonly message: string };
  };
}
interface EndpointInternals {
  readonly name: string;
  readonly stats: object;
}
interface MsgInternals {
  /** `hdr`: the size of the header block in bytes; -1 where there is none. */
  readonly _msg: { readonly hdr: number };
  /** Header block and payload. */
  readonly _rdata: Uint8Array;
}
interface JsMsgInternals {
  readonly msg: Msg;
}

/** Returns a message's bytes: the header block of `headerBytes` bytes, then the payload. */
export function bytesOf(message: Msg): { readonly bytes: Uint8Array; readonly headerBytes: number } {
  const { _msg: sizes, _rdata: bytes } = message as Msg & MsgInternals;
  return { bytes, headerBytes: Math.max(0, sizes.hdr) };
}

/** Returns the message that the client has wrapped for JetStream. */
export function wrappedIn(message: JsMsg): Msg {
  return (message as JsMsg & JsMsgInternals).msg;
}

/**
 * Returns the server's own text of an error if the connection has one. The client's status has only the code of the
 * error, which is returned otherwise.
 */
export function serverText(nc: NatsConnection, code: string): string {
  const { lastError } = (nc as NatsConnection & ConnectionInternals).protocol;
  // The protocol puts the text in quotes.
  return lastError?.code === code ? lastError.message.replace(/^'(.*)'$/, '$1') : code;
}

/** Sends protocol commands, each complete with its payload, in one write. The client's `publish` makes three writes for each. */
export function sendCommands(nc: NatsConnection, commands: string): void {
  (nc as NatsConnection & ConnectionInternals).protocol.sendCommand(commands);
}
