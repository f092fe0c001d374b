import { forEachSubject, type Case, type Figure, type Subject } from '../core/case';
import type { Ground } from '../core/ground';
import { host } from '../core/host';
import { loop } from '../core/plain';
import { rateBetween, whenHandled } from '../core/work';
import type { Start, Worker } from '../core/worker';

/** How many plugins there are, or how many plain loops in one process. */
const COUNTS = [1, 10, 100, 500] as const;
/** The number of deliveries in all, for any number of plugins. */
const DELIVERIES = 100_000;
/** The rest after the start, so that left-over work and garbage collection do not count as idle time. */
const REST_MS = { least: 2_000, forEach: 16 };
const IDLE_MS = { least: 1_000, most: 10_000 };

export const many: Case = {
  name: 'many',
  about: '1, 10, 100 and 500 plugins: start-up, memory each, CPU while idle, drain rate',
  async prepare(ground) {
    await ground.makeStream();
    const starts: Partial<Record<Subject, (count: number) => Start>> = {
      documented: (count) => loop('documented', 'count', count),
      best: (count) => loop('best', 'count', count),
      jetplug: (count) => host({ plugin: 'count', copies: count }),
    };
    return forEachSubject(starts, (subject, start) => ({
      label: `many, ${subject}`,
      measure: () => measure(ground, subject, start),
    }));
  },
};

async function measure(ground: Ground, subject: Subject, startOf: (count: number) => Start): Promise<Figure[]> {
  const figures: Figure[] = [];
  let alone = 0;
  for (const count of COUNTS) {
    const events = Math.max(10, Math.ceil(ground.events(DELIVERIES) / count));
    const name = `many ${count}`;
    const say = (what: string): void => ground.say(`${name}, ${subject}: ${what}`);
    const { startS, idleCpu, rssMb } = await idling(ground, startOf(count), events, count, say);
    const rate = await draining(ground, startOf(count), events, count, say);
    if (count === 1) alone = rssMb;
    figures.push(
      { case: `${name} start-up`, subject, unit: 's', value: startS },
      count === 1
        ? { case: `${name} memory`, subject, unit: 'MB', value: rssMb }
        : { case: `${name} memory`, subject, unit: 'MB for each more', value: (rssMb - alone) / (count - 1) },
      { case: `${name} idle`, subject, unit: '% of a core', value: idleCpu },
      { case: `${name} drain`, subject, unit: 'deliveries/s', value: rate },
    );
  }
  return figures;
}

/** Measures the first start, which makes the durables, and the idle time after it. */
async function idling(ground: Ground, start: Start, events: number, count: number, say: (what: string) => void) {
  await ground.emptyStream();
  say('starting');
  const { process, tookMs } = await start(ground, { events });
  try {
    say('idling');
    await process.waitFor(REST_MS.least + REST_MS.forEach * count);
    const before = await process.read();
    const idleMs = Math.min(IDLE_MS.most, Math.max(IDLE_MS.least, ground.events(DELIVERIES) / 10));
    await process.waitFor(idleMs);
    const after = await process.read();
    return { startS: tookMs / 1_000, idleCpu: (100 * (after.cpuMs - before.cpuMs)) / idleMs, rssMb: after.rssMb };
  } finally {
    await process.stop();
  }
}

/** Measures a start with existing durables, all of them full. They deliver only when every plugin has started. */
async function draining(
  ground: Ground,
  start: Start,
  events: number,
  count: number,
  say: (what: string) => void,
): Promise<number> {
  await ground.pause();
  await ground.publish(events);
  const deliveries = events * count;
  let worker: Worker | undefined;
  try {
    worker = await start(ground, { events, deliveries });
    await ground.resume();
    const { marks } = await whenHandled(worker, deliveries, (handled) => say(`${handled} of ${deliveries}`));
    await ground.checkSettled(count, events);
    await worker.check(deliveries);
    return rateBetween(marks, deliveries, 0.1, 0.9);
  } finally {
    await worker?.process.stop();
    await ground.clear();
  }
}
