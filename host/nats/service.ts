import { RequestStrategy } from './client';
import { JetplugError } from '../../sdk/internal';
import { assertReadable } from '../records/record-format';
import type { Connection } from './connection';
import { isNoResponders } from './failures';

/** The name of the hosts' micro service. Their endpoints are `jetplug.<name>`. */
export const SERVICE = 'jetplug';

/** The version of the API that `docs/api.md` describes. A change that breaks a program of others increments it. */
export const API_VERSION = '1';
/** The header of an answer with this version. */
export const API_HEADER = 'Jetplug-Api';

/** Sends answers of hosts, as they arrive. */
export interface Subscription {
  /** Asks all running hosts once more, also those that have started meanwhile. */
  ask(): void;
  stop(): void;
}

/**
 * Asks all running hosts a question that they answer again and again.
 * @param take gets each answer, but none of a host of a later version that answers in another way
 */
export function subscribeToHosts(
  connection: Connection,
  question: string,
  about: string,
  take: (answer: object) => void,
): Subscription {
  const { nc } = connection;
  const inbox = connection.newInbox();
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      // Without responders no host runs.
      if (error || message.headers?.code === 503 || message.headers?.get('Nats-Service-Error')) return;
      if (Number(message.headers?.get(API_HEADER)) > Number(API_VERSION)) return;
      take(message.json());
    },
  });
  return {
    ask: () => nc.publish(`${SERVICE}.${question}`, about, { reply: inbox }),
    stop: () => subscription.unsubscribe(),
  };
}

/**
 * Asks all running hosts and collects their answers; an empty list where no host runs.
 * @throws JetplugError `JP_RECORD_NEWER` if a host of a later version answers in another way, and
 * `JP_BROKER_OPERATION_FAILED` when hosts run and none of them could answer
 */
export async function askHosts<T>(connection: Connection, question: string, about = ''): Promise<T[]> {
  const answers: T[] = [];
  const failures: string[] = [];
  try {
    const messages = await connection.nc.requestMany(`${SERVICE}.${question}`, about, {
      strategy: RequestStrategy.JitterTimer,
      maxWait: 2_000,
      jitter: 250,
    });
    for await (const message of messages) {
      const failure = message.headers?.get('Nats-Service-Error');
      assertReadable(
        `the answer of a host to ${SERVICE}.${question}`,
        message.headers?.get(API_HEADER) || 1,
        Number(API_VERSION),
      );
      if (failure) failures.push(failure);
      else answers.push(message.json<T>());
    }
  } catch (error) {
    // Without responders no host runs.
    if (!isNoResponders(error)) throw error;
  }
  if (answers.length === 0 && failures.length > 0) {
    const message = `no host could answer: ${[...new Set(failures)].join('; ')}`;
    throw new JetplugError('JP_BROKER_OPERATION_FAILED', message, {
      hint: 'The message has the answers of the running hosts. Correct the cause, then ask again.',
    });
  }
  return answers;
}
