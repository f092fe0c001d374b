import { forEachSubject, type Case } from '../core/case';
import { host } from '../core/host';
import { loop } from '../core/plain';
import { work } from '../core/work';

const EVENTS = 100_000;

export const drain: Case = {
  name: 'drain',
  about: 'one handler empties a full stream: synchronous, async, in batches of 100',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    const starts = {
      documented: loop('documented', 'count'),
      best: loop('best', 'count'),
      jetplug: host({ plugin: 'count' }),
      'jetplug-async': host({ plugin: 'count-async' }),
      'jetplug-batch': host({ plugin: 'count-batch' }),
    } as const;
    return forEachSubject(starts, (subject, start) =>
      work(ground, {
        case: 'drain',
        subject,
        start,
        unit: 'events/s',
        events,
        verify: () => ground.checkSettled(1, events),
      }),
    );
  },
};
