import { forEachSubject, type Case } from '../core/case';
import { host } from '../core/host';
import { loop } from '../core/plain';
import { work } from '../core/work';

const EVENTS = 100_000;
const HANDLERS = 6;

export const fanOut: Case = {
  name: 'fan-out',
  about: 'six plugins on one subject, each of which gets every event',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    const starts = {
      documented: loop('documented', 'count', HANDLERS),
      best: loop('best', 'count', HANDLERS),
      jetplug: host({ plugin: 'count', copies: HANDLERS }),
      'jetplug-async': host({ plugin: 'count-async', copies: HANDLERS }),
    };
    return forEachSubject(starts, (subject, start) =>
      work(ground, {
        case: 'fan-out',
        subject,
        start,
        unit: 'deliveries/s',
        events,
        deliveries: events * HANDLERS,
        verify: () => ground.checkSettled(HANDLERS, events),
      }),
    );
  },
};
