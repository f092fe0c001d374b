import type { FastifyInstance } from 'fastify';
import { isJetplugError, JetplugError, type ErrorCode } from '../../sdk/internal';
import type { ApiError } from './api';
import type { PageContext } from './page-context';

/** The statuses of errors that are neither the fault of the request nor an absent broker. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  JP_NOT_FOUND: 404,
  JP_TRACE_UNKNOWN: 404,
  JP_RUNS_MISSING: 404,
  JP_LETTER_WAITS: 409,
  JP_NO_HOST: 503,
  JP_HISTORY_ENDED: 410,
  JP_HTTP_TOKEN: 401,
  JP_HTTP_ROLE: 403,
  JP_HTTP_FOREIGN: 403,
  JP_HTTP_TOO_LARGE: 413,
  JP_HTTP_BUSY: 503,
  JP_HTTP_TRIES: 429,
  JP_INTERNAL: 500,
};

/** Answers errors of all routes as JSON. */
export function answerErrors(app: FastifyInstance, { connection, log }: PageContext): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = asJetplugError(thrown, connection.connected);
    const status = statusOf(error);
    // The query may hold a value that is private, so it is not logged.
    const route = request.routeOptions.url;
    if (status === 500) log.error('request to the page failed', { method: request.method, route, err: thrown });
    return reply.code(status).send(apiError(error));
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(apiError(new JetplugError('JP_NOT_FOUND', 'there is nothing at this address'))),
  );
}

function apiError(error: JetplugError): ApiError {
  // A file's place is only for the plugin's own view.
  const { code, message, plugin, hint } = error.toJSON();
  return {
    ...{ code, message },
    ...(plugin !== undefined && { plugin }),
    ...(hint !== undefined && { hint }),
    ...(code === 'JP_HTTP_TOKEN' && { needsToken: true as const }),
  };
}

function statusOf({ code }: JetplugError): number {
  return STATUS[code] ?? (code.startsWith('JP_BROKER_') ? 503 : 400);
}

function asJetplugError(thrown: unknown, isConnected: boolean): JetplugError {
  if (isJetplugError(thrown)) return thrown;
  const { statusCode = 500, message = '' } = (thrown ?? {}) as { statusCode?: number; message?: string };
  if (statusCode === 413) return new JetplugError('JP_HTTP_TOO_LARGE', 'the body of the request is larger than 1 MiB');
  if (statusCode >= 400 && statusCode < 500) return new JetplugError('JP_USAGE', message, { hint: USAGE_HINT });
  if (!isConnected) return brokerAway();
  return new JetplugError('JP_INTERNAL', 'the request failed', { hint: 'The log of the host has the reason.' });
}

const USAGE_HINT = 'Correct the request.';

/** The error of a request that needs the broker while it is away. */
export function brokerAway(): JetplugError {
  return new JetplugError('JP_BROKER_UNREACHABLE', 'the NATS server is not connected', {
    hint: 'The page continues by itself when the server answers again.',
  });
}
