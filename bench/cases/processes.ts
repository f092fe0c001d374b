import { setTimeout as sleep } from 'node:timers/promises';
import { forEachSubject, type Case, type Figure, type Subject } from '../core/case';
import { STREAM, type Ground } from '../core/ground';
import { host } from '../core/host';
import { loop } from '../core/plain';
import { running } from '../core/work';
import type { Start } from '../core/worker';

const EVENTS = 10_000;
const POLL_MS = 10;
const STALLED_MS = 30_000;
/** The parts of the case: inline, in one process, and in two processes. */
const PARTS = [
  { name: 'processes inline', section: {} },
  { name: 'processes 1', section: { isolation: 'process', processes: 1 } },
  { name: 'processes 2', section: { isolation: 'process', processes: 2 } },
] as const;

export const processes: Case = {
  name: 'processes',
  about: 'a handler that keeps a CPU busy: inline, on one child process and on two',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    const plainStarts = { documented: loop('documented', 'burn'), best: loop('best', 'burn') };
    const plainly = forEachSubject(plainStarts, (subject, start) => ({
      label: `processes, ${subject}`,
      // The plain loop is the baseline of every part.
      measure: async () => {
        const value = await rateOf(ground, start, events);
        return PARTS.map(({ name }) => figure(name, subject, value));
      },
    }));
    const hosts = PARTS.map(({ name, section }) => ({
      label: name,
      measure: async () => [figure(name, 'jetplug', await rateOf(ground, host({ plugin: 'burn', section }), events))],
    }));
    return [...plainly, ...hosts];
  },
};

function figure(name: string, subject: Subject, value: number): Figure {
  return { case: name, subject, unit: 'events/s', value };
}

/** Reads the settled events from the server, because a handler in another process has no meter. */
function rateOf(ground: Ground, start: Start, events: number): Promise<number> {
  return running(ground, start, { events }, async (worker) => {
    const samples = [{ atMs: performance.now(), settled: 0 }];
    for (let last = samples[0]!; last.settled < events;) {
      await sleep(POLL_MS, undefined, { signal: ground.signal });
      const [durable] = await ground.jsm.consumers.list(STREAM).next();
      const settled = durable ? events - durable.num_pending - durable.num_ack_pending : 0;
      const sample = { atMs: performance.now(), settled };
      samples.push(sample);
      if (settled > last.settled) last = sample;
      else if (worker.process.hasEnded) throw worker.process.failure('it ended by itself');
      else if (sample.atMs - last.atMs > STALLED_MS) throw worker.process.failure(`it is stuck at ${settled}`);
    }
    await ground.checkSettled(1, events);
    await worker.check(events);
    return (0.8 * events * 1_000) / (timeAt(0.9 * events, samples) - timeAt(0.1 * events, samples));
  });
}

/** The time at which this many events were settled, interpolated between two samples. */
function timeAt(count: number, samples: readonly { atMs: number; settled: number }[]): number {
  const next = samples.findIndex(({ settled }) => settled >= count);
  const [before, after] = [samples[next - 1]!, samples[next]!];
  return before.atMs + ((count - before.settled) / (after.settled - before.settled)) * (after.atMs - before.atMs);
}
