import type { MsgRequest, StoredMsg, StreamInfo, StreamInfoRequestOptions } from './client';
import { isJetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError, isMessageNotFound } from './failures';

/**
 * Reads a stream's state and config.
 * @throws JetplugError, also if there is no such stream
 */
export async function streamInfo(
  { jsm, requests }: Connection,
  name: string,
  options?: Partial<StreamInfoRequestOptions>,
): Promise<StreamInfo> {
  try {
    return await (options ? jsm.streams.info(name, options) : requests.askApi<StreamInfo>(`STREAM.INFO.${name}`));
  } catch (error) {
    throw asBrokerError(error, `stream ${name}`);
  }
}

/** Reads a stream's state and config; undefined if there is no such stream. */
export async function findStream(connection: Connection, name: string): Promise<StreamInfo | undefined> {
  try {
    return await streamInfo(connection, name);
  } catch (error) {
    if (isStreamNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Reads a stored message; undefined if there is no such message or stream.
 * @param doing names the message in an error
 */
export async function findMessage(
  { jsm }: Connection,
  stream: string,
  query: MsgRequest,
  doing: string,
): Promise<StoredMsg | undefined> {
  try {
    return await jsm.streams.getMessage(stream, query);
  } catch (error) {
    if (isMessageNotFound(error)) return undefined;
    throw asBrokerError(error, doing);
  }
}

/** Whether a request of this folder failed because the stream does not exist. */
export function isStreamNotFound(error: unknown): boolean {
  return apiErrorCode(isJetplugError(error) ? error.cause : error) === API_ERROR.streamNotFound;
}

/** Returns the sequence of the newest message that was stored in a stream; 0 before the first. */
export async function lastSequence(connection: Connection, name: string): Promise<number> {
  return (await streamInfo(connection, name)).state.last_seq;
}

/**
 * Returns whether a stream holds a message on one of the subjects that the filter covers. Requests only the first one,
 * not a list.
 */
export async function holdsAny({ requests }: Connection, stream: string, filter: string): Promise<boolean> {
  try {
    await requests.askApi(`STREAM.MSG.GET.${stream}`, { seq: 1, next_by_subj: filter });
    return true;
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.noMessage) return false;
    throw error;
  }
}

/** Lists the subjects of a stream's messages that the filter covers. There must be few. */
export async function subjectsIn(connection: Connection, stream: string, filter: string): Promise<string[]> {
  const { state } = await streamInfo(connection, stream, { subjects_filter: filter });
  return Object.keys(state.subjects ?? {});
}

/** Lists the names of all streams, or of those that hold a subject. */
export async function streamNames({ requests }: Connection, subject?: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (;;) {
    const request = { ...(subject !== undefined && { subject }), offset: names.size };
    const { total, streams } = await requests.askApi<NamesPage>('STREAM.NAMES', request);
    const before = names.size;
    for (const name of streams ?? []) names.add(name);
    if (names.size >= total || names.size === before) return names;
  }
}

interface NamesPage {
  readonly total: number;
  readonly streams?: readonly string[] | null;
}

const ANSWER_MS = 1_000;

/**
 * Returns the names of all streams on the server that hold a subject; none if the credentials do not permit the
 * request.
 */
export async function streamsHolding({ nc, apiPrefix }: Connection, subject: string): Promise<string[]> {
  try {
    // A request that is not permitted gets no answer, and the client's own timeout of 5 s would be a long wait.
    const answer = await nc.request(`${apiPrefix}.STREAM.NAMES`, JSON.stringify({ subject }), { timeout: ANSWER_MS });
    return answer.json<{ streams?: string[] | null }>().streams ?? [];
  } catch {
    return []; // The caller knows the streams of the config already.
  }
}

/**
 * Returns when a stream stored the first message behind a sequence that the filter covers, in milliseconds since 1970;
 * undefined if there is none.
 */
export async function storedAfter(
  { requests }: Connection,
  stream: string,
  sequence: number,
  filter: string,
): Promise<number | undefined> {
  const query = { seq: sequence + 1, next_by_subj: filter };
  try {
    const { message } = await requests.askApi<{ message: { time: string } }>(`STREAM.MSG.GET.${stream}`, query);
    return Date.parse(message.time);
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.noMessage) return undefined;
    throw asBrokerError(error, `stream ${stream}`);
  }
}
