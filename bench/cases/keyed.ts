import { forEachSubject, type Case, type Subject } from '../core/case';
import { host } from '../core/host';
import { loop, plain } from '../core/plain';
import { work } from '../core/work';

const EVENTS = 100_000;
/** The documented loop handles one event at a time, at more than a millisecond each. A part of the events shows its rate. */
const DOCUMENTED_PART = 0.05;

export const keyed: Case = {
  name: 'keyed',
  about: 'async handlers of 1 ms, 64 at a time, the events of each of 10,000 keys in order',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    const starts = {
      documented: loop('documented', 'keyed'),
      best: plain('keyed-loop'),
      jetplug: host({ plugin: 'keyed' }),
    };
    const deliveriesOf = (subject: Subject): number =>
      subject === 'documented' ? Math.ceil(events * DOCUMENTED_PART) : events;
    return forEachSubject(starts, (subject, start) =>
      work(ground, {
        case: 'keyed',
        subject,
        start,
        unit: 'events/s',
        events,
        deliveries: deliveriesOf(subject),
        verify: async () => {
          if (subject !== 'documented') await ground.checkSettled(1, events);
        },
      }),
    );
  },
};
