import type { Msg } from './client';
import { PIN_LOST } from './pull-pin';

/** A status message that the server sends to the inbox of a pull request (ADR-37). */
export type PullStatus =
  /** The server still has the request. */
  | { readonly kind: 'heartbeat' }
  /**
   * A request has ended. `undelivered`: the number of the request's messages that were not delivered, if the server
   * reports that number.
   */
  | { readonly kind: 'ended'; readonly undelivered: number | undefined }
  /** The durable or its stream does not exist any more. */
  | { readonly kind: 'gone'; readonly why: string }
  /** The server has given the pin of the request to another host, or to none. */
  | { readonly kind: 'unpinned' }
  /** The server shuts down or changes its leader. The connection reports that. */
  | { readonly kind: 'interrupted' }
  /**
   * The server refuses the request. `largestBatch`: the number of messages that the server allows a request, if the
   * request was too large.
   */
  | { readonly kind: 'refused'; readonly reason: string; readonly largestBatch: number | undefined };

export function readStatus({ headers }: Msg): PullStatus {
  const code = headers?.code ?? 0;
  const description = headers?.description ?? '';
  if (code === 100) return { kind: 'heartbeat' };
  if (code === 404 || code === 408) {
    const undelivered = headers?.get('Nats-Pending-Messages');
    return { kind: 'ended', undelivered: undelivered ? Number(undelivered) : undefined };
  }
  if (code === PIN_LOST) return { kind: 'unpinned' };
  if (code === 503) return { kind: 'gone', why: 'the server does not know the consumer' };
  if (code === 409 && /consumer deleted|push based/i.test(description)) return { kind: 'gone', why: description };
  if (/server shutdown|leadership change/i.test(description)) return { kind: 'interrupted' };
  const limit = Number(/MaxRequestBatch of (\d+)/i.exec(description)?.[1] ?? 0);
  return { kind: 'refused', reason: `${code} ${description}`.trim(), largestBatch: limit > 0 ? limit : undefined };
}
