import { JetplugError, type ErrorCode } from '../../sdk/internal';

/** What the client throws, in the one catalogue; the original is the cause. */
export function asBrokerError(error: unknown, doing: string): JetplugError {
  const code = codeOf(error);
  // The client's own message is but a number for some answers of JetStream.
  const text = apiErrorText(error) ?? (error instanceof Error ? error.message : String(error));
  return new JetplugError(code, `${doing}: ${MEANINGS[code] ?? text}`, { cause: error });
}

const MEANINGS: Partial<Record<ErrorCode, string>> = {
  JP_BROKER_NO_JETSTREAM: 'the server has no JetStream',
};

function codeOf(error: unknown): ErrorCode {
  const { code, message } = error as { code?: string; message?: string };
  if (isFull(error)) return 'JP_STREAM_FULL';
  switch (code ?? '') {
    case 'AUTHORIZATION_VIOLATION':
    case 'AUTHENTICATION_EXPIRED':
    case 'BAD_AUTHENTICATION':
    case 'BAD_CREDS':
      return 'JP_BROKER_AUTH';
    case 'PERMISSIONS_VIOLATION':
      return 'JP_BROKER_PERMISSION';
    case 'CONNECTION_REFUSED':
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'CONNECTION_TIMEOUT':
    case 'CONNECTION_CLOSED':
    case 'DISCONNECT':
      return 'JP_BROKER_UNREACHABLE';
    case '503':
      return 'JP_BROKER_NO_JETSTREAM';
    default:
      return isTls(code, message) ? 'JP_BROKER_TLS' : 'JP_BROKER_OPERATION_FAILED';
  }
}

/** TLS has no code of its own in the client: Node's comes through, or only its words. */
function isTls(code = '', message = ''): boolean {
  return code.startsWith('ERR_TLS') || /certificate|\b(tls|ssl)\b|self.signed/i.test(`${code} ${message}`);
}

/** The number of a JetStream API error, such as 10071; none for other errors. */
export function apiErrorCode(error: unknown): number | undefined {
  return (error as { api_error?: { err_code?: number } }).api_error?.err_code;
}

function apiErrorText(error: unknown): string | undefined {
  return (error as { api_error?: { description?: string } }).api_error?.description;
}

export const API_ERROR = {
  consumerNotFound: 10014,
  noMessage: 10037,
  noStorage: 10047,
  messageTooLarge: 10054,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  subjectOverlap: 10065,
  wrongLastSequence: 10071,
  storeFailed: 10077,
  maxBytesRequired: 10113,
  consumerExists: 10148,
} as const;

/** Nobody answered: no such stream, consumer or subject. */
export function isNoResponders(error: unknown): boolean {
  return (error as { code?: string }).code === '503' && !isFull(error);
}

/** A stream that has reached a limit of its own and keeps what it has (`discard: new`). */
export function isFull(error: unknown): boolean {
  return apiErrorCode(error) === API_ERROR.storeFailed && /maximum (bytes|messages)/.test(apiErrorText(error) ?? '');
}
