import { newHeaders } from './client';
import type { Connection } from './connection';
import { notPermitted } from './failures';

/** One step of a message's way through the servers, as a server reports it. */
export interface TraceStep {
  /** `in`: from the publisher; `sm`: a subject mapping; `se`, `si`: an export, an import; `js`: a stream. */
  readonly type: string;
  readonly acc?: string;
  readonly subj?: string;
  /** The subject that a mapping or an import changes it to. */
  readonly to?: string;
  readonly stream?: string;
  readonly error?: string;
}

/** The way of a message that was not delivered to anybody. */
export interface PathTrace {
  readonly steps: readonly TraceStep[];
  /** Why the server refused the message at once, in the server's words. */
  readonly refused?: string;
}

/** The first server answers within this time, and further ones soon after. */
const FIRST_ANSWER_MS = 1_000;
const LATER_ANSWER_MS = 150;

/**
 * Sends a message that the servers only trace (`Nats-Trace-Only`): nobody receives it, and no stream stores it. Resolves
 * with the steps that all servers on its way report; with none if no server answers.
 */
export async function tracePath(connection: Connection, subject: string): Promise<PathTrace> {
  const { nc } = connection;
  const inbox = connection.newInbox();
  const steps: TraceStep[] = [];
  let refused: string | undefined;
  const unwatch = connection.watch({
    refused: (error) => {
      const { operation, subject: of } = error as { operation?: string; subject?: string };
      if (operation === 'publish' && of === subject) refused = notPermitted('publish', subject);
    },
  });
  const answers = nc.subscribe(inbox);
  const timeout = (ms: number): NodeJS.Timeout => setTimeout(() => answers.unsubscribe(), ms);
  let timer = timeout(FIRST_ANSWER_MS);
  const headers = newHeaders();
  headers.set('Nats-Trace-Dest', inbox);
  headers.set('Nats-Trace-Only', 'true');
  nc.publish(subject, '', { headers });
  try {
    for await (const answer of answers) {
      clearTimeout(timer);
      timer = timeout(LATER_ANSWER_MS);
      steps.push(...(answer.json<{ events?: TraceStep[] | null }>().events ?? []));
    }
  } finally {
    clearTimeout(timer);
    unwatch();
  }
  return { steps, ...(refused !== undefined && { refused }) };
}
