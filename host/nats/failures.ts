import { JetplugError, type ErrorCode } from '../../sdk/internal';
import { apiFailure } from './api-failures';
import { tlsFailure } from './tls-failures';

/** Returns an error of the client as an error of the catalogue, with the client's error as the cause. */
export function asBrokerError(error: unknown, doing: string): JetplugError {
  const { code, means, hint } = meaningOf(error);
  // For some answers of JetStream the client's own message is only a number.
  const text = apiErrorText(error) ?? (error instanceof Error ? error.message : String(error));
  return new JetplugError(code, `${doing}: ${means ?? text}`, { cause: error, hint });
}

interface Meaning {
  readonly code: ErrorCode;
  readonly means?: string | undefined;
  readonly hint?: string | undefined;
}

function meaningOf(error: unknown): Meaning {
  if (isFull(error)) return { code: 'JP_STREAM_FULL' };
  const ofApi = apiFailure(apiErrorCode(error));
  if (ofApi) return ofApi;
  const { code = '', message } = error as { code?: string; message?: string };
  switch (code) {
    case 'AUTHORIZATION_VIOLATION':
    case 'AUTHENTICATION_EXPIRED':
    case 'ACCOUNT_EXPIRED':
    case 'BAD_AUTHENTICATION':
    case 'AUTHENTICATION_TIMEOUT':
    case 'BAD_CREDS':
      return { code: 'JP_BROKER_AUTH', means: refusedLogin(code) };
    case 'PERMISSIONS_VIOLATION':
      return { code: 'JP_BROKER_PERMISSION', ...missingPermission(message) };
    case 'CONNECTION_REFUSED':
    case 'ECONNREFUSED':
      return { code: 'JP_BROKER_UNREACHABLE', means: 'the connection is refused: nothing listens there' };
    case 'ECONNRESET':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'EAI_AGAIN':
    case 'CONNECTION_TIMEOUT':
    case 'CONNECTION_CLOSED':
    case 'DISCONNECT':
      return { code: 'JP_BROKER_UNREACHABLE' };
    case 'ENOTFOUND':
      return { code: 'JP_BROKER_UNREACHABLE', hint: 'Correct the name of the host in nats.servers or --servers.' };
    case 'TIMEOUT':
      return { code: 'JP_BROKER_NO_QUORUM', means: 'JetStream did not answer in time' };
    case '503':
      // An answer of JetStream can have this code, too.
      if (apiErrorCode(error) !== undefined) return { code: 'JP_BROKER_OPERATION_FAILED' };
      return { code: 'JP_BROKER_NO_JETSTREAM', means: 'no JetStream answers there' };
    default:
      if (isTls(code, message)) return { code: 'JP_BROKER_TLS', ...tlsFailure(code) };
      return limitFailure(message) ?? { code: 'JP_BROKER_OPERATION_FAILED' };
  }
}

/** Reads the server's text, such as `Permissions Violation for Publish to "$JS.API.INFO"`. */
function missingPermission(text = ''): Pick<Meaning, 'means' | 'hint'> {
  const [, operation, subject] = /(publish|subscription) to "([^"]+)"/i.exec(text) ?? [];
  if (operation === undefined || subject === undefined) return {};
  return /^publish$/i.test(operation)
    ? { means: notPermitted('publish', subject) }
    : { means: notPermitted('subscription', subject), hint: inboxHint(subject) };
}

/** @param operation as the client names it: `publish` or `subscription` */
export function notPermitted(operation: string, subject: string): string {
  return `not permitted to ${operation === 'publish' ? 'publish on' : 'subscribe to'} ${subject}`;
}

/**
 * Explains an error text that reports a reached limit of the server, the account or the user, such as `maximum
 * subscriptions exceeded`. Returns undefined for any other text.
 */
export function limitFailure(text = ''): Meaning | undefined {
  const [, account, what] = /maximum (account )?(?:active )?(connections|subscriptions) exceeded/i.exec(text) ?? [];
  if (what === undefined) return undefined;
  if (what === 'subscriptions') {
    const hint = 'Raise max_subscriptions of the server, the account or the user, or use fewer handlers.';
    return { code: 'JP_ACCOUNT_LIMIT', means: 'the connection has as many subscriptions as it may have', hint };
  }
  const holder = account === undefined ? 'the server' : 'the account';
  return {
    code: 'JP_ACCOUNT_LIMIT',
    means: `${holder} has as many connections as it may have`,
    hint: `Raise max_connections of ${holder}, or close other connections: each host and each command needs one.`,
  };
}

/** Describes a refused or ended login by the client's error code. Undefined for any other code. */
export function refusedLogin(code: unknown): string | undefined {
  switch (code) {
    case 'AUTHORIZATION_VIOLATION':
    case 'BAD_AUTHENTICATION':
      return 'the NATS server refused the login';
    case 'AUTHENTICATION_EXPIRED':
      return 'the credentials have expired';
    case 'ACCOUNT_EXPIRED':
      return 'the account has expired';
    case 'AUTHENTICATION_TIMEOUT':
      return 'the NATS server received no login in time';
    default:
      return undefined;
  }
}

/**
 * Returns the hint for a subscription that is not permitted. A user may have permission for inboxes of one prefix only.
 */
export function inboxHint(subscribed = ''): string | undefined {
  if (!subscribed.startsWith('_INBOX.')) return undefined;
  return 'Set nats.inboxPrefix to a prefix that these credentials may subscribe to, or grant them _INBOX.>.';
}

/**
 * Whether an error is one of TLS. The client has no error code for TLS and passes on Node's code, or only its message.
 */
function isTls(code: string, message = ''): boolean {
  return (
    /^ERR_(TLS|SSL)/.test(code) ||
    code === 'SERVER_OPT_NA' ||
    /certificate|\b(tls|ssl)\b|self.signed/i.test(`${code} ${message}`)
  );
}

/** Returns the number of a JetStream API error, such as 10071; undefined for other errors. */
export function apiErrorCode(error: unknown): number | undefined {
  return (error as { api_error?: { err_code?: number } }).api_error?.err_code;
}

function apiErrorText(error: unknown): string | undefined {
  return (error as { api_error?: { description?: string } }).api_error?.description;
}

export const API_ERROR = {
  consumerCreate: 10012,
  consumerNotFound: 10014,
  noMessage: 10037,
  messageTooLarge: 10054,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  subjectOverlap: 10065,
  wrongLastSequence: 10071,
  storeFailed: 10077,
  consumerExists: 10148,
  duplicateInProcess: 10158,
  subjectInProcess: 10164,
  batchesDisabled: 10174,
} as const;

/** Whether the request failed because no stream, consumer or subscriber of its subject exists. */
export function isNoResponders(error: unknown): boolean {
  return codeOf(error) === '503' && !isFull(error);
}

/** Whether the stream has reached its limit and discards new messages (`discard: new`). */
export function isFull(error: unknown): boolean {
  return apiErrorCode(error) === API_ERROR.storeFailed && /maximum (bytes|messages)/.test(apiErrorText(error) ?? '');
}

/** Whether the server has refused a durable because the folder of the durable on its disk is missing. */
export function isFolderMissing(error: unknown): boolean {
  const text = apiErrorText(error) ?? '';
  return apiErrorCode(error) === API_ERROR.consumerCreate && /no such file or directory|cannot find/i.test(text);
}

/** Whether the message exceeds the server's `max_payload`. */
export function isTooLarge(error: unknown): boolean {
  return codeOf(error) === 'MAX_PAYLOAD_EXCEEDED';
}

/** Whether there is no such message, or no such stream. */
export function isMessageNotFound(error: unknown): boolean {
  const code = apiErrorCode(error);
  return codeOf(error) === '404' || code === API_ERROR.noMessage || code === API_ERROR.streamNotFound;
}

/**
 * Whether the connection was lost, or the time was up, before the answer arrived. The server may have done the work
 * then.
 */
export function isUnanswered(error: unknown): boolean {
  return ['TIMEOUT', 'DISCONNECT', 'CONNECTION_CLOSED'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}
