import { forEachSubject, type Case } from '../core/case';
import { SUBJECT } from '../core/events';
import { STREAM } from '../core/ground';
import { plain } from '../core/plain';
import { work } from '../core/work';

/** The parts of the case, each with its number of events. */
const PARTS = [
  { name: 'publish sequential', inFlight: 1, events: 10_000 },
  { name: 'publish in flight', inFlight: 256, events: 100_000 },
] as const;
const SUBJECTS = { documented: true, best: true, jetplug: true } as const;

export const publish: Case = {
  name: 'publish',
  about:
    'EventBus.publish one after the other and 256 in flight, against js.publish and a core publish with its own ack inbox',
  async prepare(ground) {
    await ground.makeStream();
    return PARTS.flatMap(({ name, inFlight, events: own }) => {
      const events = ground.events(own);
      return forEachSubject(SUBJECTS, (subject) =>
        work(ground, {
          case: name,
          subject,
          start: async (...given) => {
            await ground.emptyStream();
            return plain('publisher', { by: subject, subject: SUBJECT, events, inFlight })(...given);
          },
          unit: 'events/s',
          events,
          verify: async () => {
            const stored = await ground.messagesIn(STREAM);
            if (stored !== events) throw new Error(`${stored} events are stored, not ${events}`);
          },
        }),
      );
    });
  },
};
