import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';

/** When a stream was made; one made again counts its sequences anew. */
export async function streamCreated({ jsm }: Connection, name: string): Promise<string> {
  try {
    return (await jsm.streams.info(name)).created;
  } catch (error) {
    throw asBrokerError(error, `stream ${name}`);
  }
}

/** The sequence of the newest message that was stored in a stream; 0 before the first. */
export async function lastSequence({ jsm }: Connection, name: string): Promise<number> {
  try {
    return (await jsm.streams.info(name)).state.last_seq;
  } catch (error) {
    throw asBrokerError(error, `stream ${name}`);
  }
}

/** Whether a stream holds a message on one of the subjects that the filter covers: asks for the first, and lists none. */
export async function holdsAny({ requests }: Connection, stream: string, filter: string): Promise<boolean> {
  try {
    await requests.askApi(`STREAM.MSG.GET.${stream}`, { seq: 1, next_by_subj: filter });
    return true;
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.noMessage) return false;
    throw error;
  }
}

const ASK_MS = 1_000;

/** The streams on the server that hold a subject, whoever made them; none where the host may not ask. */
export async function streamsHolding({ nc, apiPrefix }: Connection, subject: string): Promise<string[]> {
  try {
    // What may not be asked gets no answer: not the client's five seconds for it.
    const answer = await nc.request(`${apiPrefix}.STREAM.NAMES`, JSON.stringify({ subject }), { timeout: ASK_MS });
    return answer.json<{ streams?: string[] | null }>().streams ?? [];
  } catch {
    return []; // it only adds to what is known from the config
  }
}
