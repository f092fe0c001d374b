/**
 * Everything that the host uses of the NATS client. No other file imports the client, so a change to its successor
 * packages (`@nats-io/*`) touches this file, `client-internals.ts` (fields that the client does not publish) and
 * `failures.ts` (the codes of its errors).
 */
import {
  ErrorCode,
  NatsError,
  type ApiError,
  type JetStreamClient,
  type JetStreamManager,
  type KV,
  type NatsConnection,
  type ServicesAPI,
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
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
export type {
  ApiError,
  Authenticator,
  ConnectionOptions,
  Consumer,
  ConsumerConfig,
  ConsumerInfo,
  JetStreamClient,
  JetStreamManager,
  JsMsg,
  Msg,
  MsgHdrs,
  NatsConnection,
  OrderedConsumerOptions,
  PubAck,
  Service,
  Status,
  StreamConfig as ServerStreamConfig,
  StreamInfo,
  StreamInfoRequestOptions,
  Subscription,
} from 'nats';

export function jetStreamOf(nc: NatsConnection, apiPrefix: string): JetStreamClient {
  return nc.jetstream({ apiPrefix });
}

/** Sends no request: the caller checks by itself that JetStream answers. */
export function jetStreamManagerOf(nc: NatsConnection, apiPrefix: string): Promise<JetStreamManager> {
  return nc.jetstreamManager({ apiPrefix, checkAPI: false });
}

/** A bucket that exists. */
export function keyValueOf(js: JetStreamClient, bucket: string): Promise<KV> {
  return js.views.kv(bucket, { bindOnly: true });
}

export function servicesOf(nc: NatsConnection): ServicesAPI {
  return nc.services;
}

/** The error that the client itself would throw. */
export function clientError(code: keyof typeof ErrorCode, message?: string): Error {
  return message === undefined ? NatsError.errorForCode(ErrorCode[code]) : new NatsError(message, ErrorCode[code]);
}

/** The error that the client makes of an error that JetStream answers with. */
export function jetStreamError(error: ApiError): Error {
  const failure = new NatsError(error.description, String(error.code));
  failure.api_error = error;
  return failure;
}
