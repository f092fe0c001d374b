import { forEachSubject, type Case, type Figure, type Subject } from '../core/case';
import type { Ground } from '../core/ground';
import { host } from '../core/host';
import { loop } from '../core/plain';
import { markAt, rateBetween, running, whenHandled } from '../core/work';
import type { Start } from '../core/worker';

const EVENTS = 5_000_000;
/** The documented loop is slow and is not the subject of this case: a part of the events shows its rate. */
const DOCUMENTED_PART = 0.1;

export const backlog: Case = {
  name: 'backlog',
  about: 'a stream of 5,000,000 events: whether rate and memory stay as they are from the first to the last',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    const starts = {
      documented: loop('documented', 'count'),
      best: loop('best', 'count'),
      jetplug: host({ plugin: 'count' }),
    };
    return forEachSubject(starts, (subject, start) => ({
      label: `backlog, ${subject}`,
      measure: () => measure(ground, events, subject, start),
    }));
  },
};

async function measure(ground: Ground, events: number, subject: Subject, start: Start): Promise<readonly Figure[]> {
  const deliveries = subject === 'documented' ? Math.ceil(events * DOCUMENTED_PART) : events;
  const marks = await running(ground, start, { events, deliveries }, async (worker) => {
    const reading = await whenHandled(worker, deliveries, (handled) =>
      ground.say(`backlog, ${subject}: ${handled} of ${deliveries}`),
    );
    if (deliveries === events) {
      await ground.checkSettled(1, events);
      await worker.check(events);
    }
    return reading.marks;
  });
  const rate = (from: number, to: number): number => rateBetween(marks, deliveries, from, to);
  return [
    { case: 'backlog', subject, unit: 'events/s', value: rate(0.1, 0.9) },
    { case: 'backlog rate', subject, unit: 'last fifth ÷ second', value: rate(0.8, 1) / rate(0.2, 0.4) },
    { case: 'backlog memory', subject, unit: 'last fifth ÷ second', value: meanRss(0.8, 1) / meanRss(0.2, 0.4) },
  ];

  function meanRss(from: number, to: number): number {
    const some = marks.slice(marks.indexOf(markAt(marks, from)), marks.indexOf(markAt(marks, to)) + 1);
    return some.reduce((sum, { rssMb }) => sum + rssMb, 0) / some.length;
  }
}
