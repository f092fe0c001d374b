import { nuid, RequestStrategy, servicesOf, type Service } from './client';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { isNoResponders } from './failures';

const NAME = 'jetplug';

/** The questions that running hosts answer, by endpoint name. The payload of a request is its argument, such as a plugin's name. */
export type Answers = Readonly<Record<string, (about: string, reply: Reply) => Promise<unknown>>>;

/** Where a question is answered. */
export interface Reply {
  /** Identifies the program that asks. */
  readonly inbox: string;
  /** Sends a further answer. */
  readonly send: (value: object) => void;
}

/**
 * Registers the host as a NATS micro service (ADR-32), so that `nats micro ls` shows it. Every host answers, not only
 * one of a group, because each knows only its own plugins.
 */
export async function serveAnswers(connection: Connection, version: string, answers: Answers): Promise<Service> {
  // The client requires a queue group. A group that has only this host works like no group.
  const queue = `host-${nuid.next()}`;
  const service = await servicesOf(connection.nc).add({
    name: NAME,
    version,
    description: 'Jetplug event host',
    queue,
  });
  for (const [name, answer] of Object.entries(answers)) {
    service.addEndpoint(name, {
      subject: `${NAME}.${name}`,
      handler: (error, message) => {
        if (error) return;
        const reply = {
          inbox: message.reply ?? '',
          send: (value: object) => void message.respond(JSON.stringify(value)),
        };
        answer(message.string(), reply).then(
          (value) => message.respond(JSON.stringify(value)),
          (failure: unknown) => message.respondError(500, failure instanceof Error ? failure.message : String(failure)),
        );
      },
    });
  }
  return service;
}

/** Sends answers of hosts, as they arrive. */
export interface Subscription {
  /** Asks all running hosts once more, also those that have started meanwhile. */
  ask(): void;
  stop(): void;
}

/**
 * Asks all running hosts a question that they answer again and again.
 * @param take gets each answer
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
      take(message.json());
    },
  });
  return {
    ask: () => nc.publish(`${NAME}.${question}`, about, { reply: inbox }),
    stop: () => subscription.unsubscribe(),
  };
}

/**
 * Asks all running hosts and collects their answers; an empty list where no host runs.
 * @throws JetplugError `JP_BROKER_OPERATION_FAILED` when hosts run and none of them could answer
 */
export async function askHosts<T>(connection: Connection, question: string, about = ''): Promise<T[]> {
  const answers: T[] = [];
  const failures: string[] = [];
  try {
    const messages = await connection.nc.requestMany(`${NAME}.${question}`, about, {
      strategy: RequestStrategy.JitterTimer,
      maxWait: 2_000,
      jitter: 250,
    });
    for await (const message of messages) {
      const failure = message.headers?.get('Nats-Service-Error');
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
