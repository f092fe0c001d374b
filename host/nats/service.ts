import { nuid, RequestStrategy, type Service } from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';

const NAME = 'jetplug';

/** Questions that running hosts answer, by endpoint name; some are about something, as the text of the request says. */
export type Answers = Readonly<Record<string, (about: string) => Promise<unknown>>>;

/**
 * Registers the host as a NATS micro service (ADR-32), so that `nats micro ls` shows it. Every host
 * answers, not one of a group: what one of them knows is only its own.
 */
export async function serveAnswers(connection: Connection, version: string, answers: Answers): Promise<Service> {
  // The client knows no service without a queue group: a group of its own for each host does the same.
  const queue = `host-${nuid.next()}`;
  const service = await connection.nc.services.add({ name: NAME, version, description: 'Jetplug event host', queue });
  for (const [name, answer] of Object.entries(answers)) {
    service.addEndpoint(name, {
      subject: `${NAME}.${name}`,
      handler: (error, message) => {
        if (error) return;
        answer(message.string()).then(
          (value) => message.respond(JSON.stringify(value)),
          (failure: unknown) => message.respondError(500, failure instanceof Error ? failure.message : String(failure)),
        );
      },
    });
  }
  return service;
}

/**
 * Asks all running hosts and gathers what they answer; none where none runs.
 * @throws JetplugError `JP_BROKER_OPERATION_FAILED` when hosts run, and none of them could answer
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
    // No responders: no host runs.
    if ((error as { code?: string }).code !== '503') throw error;
  }
  if (answers.length === 0 && failures.length > 0) {
    const message = `no host could answer: ${[...new Set(failures)].join('; ')}`;
    throw new JetplugError('JP_BROKER_OPERATION_FAILED', message, {
      hint: 'The message is what the running hosts answered. Mend what it names, then ask again.',
    });
  }
  return answers;
}
