import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../../examples/demo/figures';
import { forEachSubject, type Case, type Figure, type Subject } from '../core/case';
import { messageOf, SUBJECT } from '../core/events';
import type { Ground } from '../core/ground';
import { host } from '../core/host';
import { monotonicMs } from '../core/meter';
import { loop } from '../core/plain';
import { running, whenHandled } from '../core/work';
import type { Start } from '../core/worker';

/** Takes 20 s at the pace below. */
const EVENTS = 20_000;
const PER_MS = 1;
/** The part of the events that is not counted, because the programs are not warm yet. */
const WARM_UP = 0.1;

export const latency: Case = {
  name: 'latency',
  about: '1,000 events a second for 20 s, from publish to handler',
  async prepare(ground) {
    await ground.makeStream();
    const starts = {
      documented: loop('documented', 'count'),
      best: loop('best', 'count'),
      jetplug: host({ plugin: 'count' }),
      'jetplug-async': host({ plugin: 'count-async' }),
    };
    return forEachSubject(starts, (subject, start) => ({
      label: `latency, ${subject}`,
      measure: () => measure(ground, subject, start),
    }));
  },
};

async function measure(ground: Ground, subject: Subject, start: Start): Promise<readonly Figure[]> {
  const events = ground.events(EVENTS);
  await ground.emptyStream();
  const latenciesMs = await running(ground, start, { events }, async (worker) => {
    await publishPaced(ground, events);
    const reading = await whenHandled(worker, events, () => undefined);
    await ground.checkSettled(1, events);
    await worker.check(events);
    return reading.latenciesMs.slice(Math.floor(events * WARM_UP));
  });
  return [50, 99].map((percent) => ({
    case: `latency p${percent}`,
    subject,
    unit: 'ms',
    value: percentile(latenciesMs, percent),
  }));
}

/** Each event carries the time when it was sent, because a busy machine may send it later than it was due. */
async function publishPaced({ nc, signal, say }: Ground, events: number): Promise<void> {
  const beganMs = monotonicMs();
  for (let sent = 0; sent < events;) {
    const due = Math.min(events, Math.ceil((monotonicMs() - beganMs) * PER_MS));
    for (; sent < due; sent++) nc.publish(SUBJECT, messageOf(sent, monotonicMs()).payload);
    if (sent % 1_000 < 2) say(`latency: ${sent} of ${events} events`);
    await sleep(1, undefined, { signal });
  }
}
