import { nuid, RequestStrategy, type Service } from 'nats';
import type { Connection } from './connection';

const NAME = 'jetplug';

/** Questions that running hosts answer, by endpoint name. */
export type Answers = Readonly<Record<string, () => Promise<unknown>>>;

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
        answer().then(
          (value) => message.respond(JSON.stringify(value)),
          (failure: unknown) => message.respondError(500, failure instanceof Error ? failure.message : String(failure)),
        );
      },
    });
  }
  return service;
}

/** Asks all running hosts and gathers what they answer; none where none runs. */
export async function askHosts<T>(connection: Connection, question: string): Promise<T[]> {
  const answers: T[] = [];
  try {
    const messages = await connection.nc.requestMany(`${NAME}.${question}`, '', {
      strategy: RequestStrategy.JitterTimer,
      maxWait: 2_000,
      jitter: 250,
    });
    for await (const message of messages) {
      if (message.headers?.get('Nats-Service-Error')) continue;
      answers.push(message.json<T>());
    }
  } catch (error) {
    // No responders: no host runs.
    if ((error as { code?: string }).code !== '503') throw error;
  }
  return answers;
}
