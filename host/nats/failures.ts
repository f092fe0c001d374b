import { JetplugError, type ErrorCode } from '../../sdk/internal';

/** What the client throws, in the one catalogue; the original is the cause. */
export function asBrokerError(error: unknown, doing: string): JetplugError {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  return new JetplugError(code, `${doing}: ${MEANINGS[code] ?? text}`, { cause: error });
}

const MEANINGS: Partial<Record<ErrorCode, string>> = {
  JP_BROKER_NO_JETSTREAM: 'the server has no JetStream',
};

function codeOf(error: unknown): ErrorCode {
  const { code, message } = error as { code?: string; message?: string };
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

export const API_ERROR = {
  consumerNotFound: 10014,
  noMessage: 10037,
  noStorage: 10047,
  messageTooLarge: 10054,
  streamNotFound: 10059,
  subjectOverlap: 10065,
  wrongLastSequence: 10071,
  consumerExists: 10148,
} as const;

/** Nobody answered: no such stream, consumer or subject. */
export function isNoResponders(error: unknown): boolean {
  return (error as { code?: string }).code === '503';
}
