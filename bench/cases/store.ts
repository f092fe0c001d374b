import { setTimeout as sleep } from 'node:timers/promises';
import { forEachSubject, type Case, type Figure, type Measurement } from '../core/case';
import { STORE_KEYS } from '../core/events';
import type { Ground, SyncInterval } from '../core/ground';
import { host } from '../core/host';
import { plain } from '../core/plain';
import { work } from '../core/work';
import type { Start } from '../core/worker';

const EVENTS = 40_000;
/** The bucket of the plain programs. The bucket of a plugin is named after the plugin. */
const BUCKET = 'bench';
/** A host writes the bucket behind its commits. */
const FILLED_WITHIN_MS = 10_000;
const POLL_MS = 50;

export const store = caseOf('store', '2m', 'the default sync interval of nats-server');
export const storeAlways = caseOf('store-always', 'always', '`sync_interval: always`');

/** Keys of the host's own in a bucket begin with this character. */
const OWN = '=';

function caseOf(name: string, syncInterval: SyncInterval, sync: string): Case {
  return {
    name,
    about: `a count in a store for each event, effects once, against kv.update with 8 in flight; ${sync}`,
    syncInterval,
    async prepare(ground) {
      const events = ground.events(EVENTS);
      await ground.fill(events);
      return (['many', 'one'] as const).flatMap((keys) => measurementsOf(ground, name, events, keys));
    },
  };
}

function measurementsOf(ground: Ground, name: string, events: number, keys: 'one' | 'many'): Measurement[] {
  const main = `${name} ${keys} key${keys === 'one' ? '' : 's'}`;
  const parts = keys === 'one' ? [] : [`${name} 8 at a time`, `${name} update, then wait`];
  const measurement = (
    start: Start,
    bucket: string,
    part: string,
    subject: 'documented' | 'best' | 'jetplug' | 'jetplug-batch',
  ) =>
    work(ground, {
      case: part,
      subject,
      start: async (...given) => {
        if (bucket === BUCKET) await makeBucket(ground);
        return start(...given);
      },
      unit: 'updates/s',
      events,
      verify: async () => {
        await ground.checkSettled(1, events);
        await checkCounts(ground, bucket, events, keys === 'one' ? 1 : Math.min(STORE_KEYS, events));
      },
    });
  const plainPrograms = { documented: 'update-loop', best: 'store-loop' };
  const plugins =
    keys === 'one'
      ? { [main]: 'store-one' }
      : { [main]: 'store-many', [parts[0]!]: 'store-few', [parts[1]!]: 'store-await' };
  return [
    ...forEachSubject(plainPrograms, (subject, program) =>
      // The plain programs are the baseline of every part.
      repeated(measurement(plain(program, { bucket: BUCKET, keys }), BUCKET, main, subject as 'best'), main, parts),
    ),
    ...Object.entries(plugins).map(([part, plugin]) =>
      measurement(host({ plugin }), `jetplug-${plugin}`, part, 'jetplug'),
    ),
    ...(keys === 'many'
      ? [measurement(host({ plugin: 'store-batch' }), 'jetplug-store-batch', main, 'jetplug-batch')]
      : []),
  ];
}

/** A measurement whose figures count for other parts of the case too. */
function repeated({ label, measure }: Measurement, main: string, parts: readonly string[]): Measurement {
  return {
    label,
    measure: async () => {
      const figures = await measure();
      const renamed = (figure: Figure, part: string): Figure => ({ ...figure, case: figure.case.replace(main, part) });
      return [main, ...parts].flatMap((part) => figures.map((figure) => renamed(figure, part)));
    },
  };
}

/** Makes the bucket with the client’s own `views.kv`. */
async function makeBucket({ nc }: Ground): Promise<void> {
  await nc.jetstream().views.kv(BUCKET, { history: 1 });
}

/** Checks that each event was counted once. */
async function checkCounts(ground: Ground, bucket: string, events: number, keys: number): Promise<void> {
  const byMs = performance.now() + FILLED_WITHIN_MS;
  for (;;) {
    const counts = await countsIn(ground, bucket);
    const counted = counts.reduce((sum, count) => sum + count, 0);
    if (counted === events && counts.length === keys) return;
    if (performance.now() > byMs) {
      throw new Error(`${bucket} counts ${counted} events under ${counts.length} keys, not ${events} under ${keys}`);
    }
    await sleep(POLL_MS, undefined, { signal: ground.signal });
  }
}

async function countsIn({ nc }: Ground, bucket: string): Promise<number[]> {
  const consumer = await nc.jetstream().consumers.get(`KV_${bucket}`, { filterSubjects: `$KV.${bucket}.>` });
  const counts: number[] = [];
  if ((await consumer.info()).num_pending === 0) return counts;
  const messages = await consumer.consume();
  for await (const message of messages) {
    if (!message.subject.startsWith(`$KV.${bucket}.${OWN}`)) counts.push(message.json<number>());
    if (message.info.pending === 0) break;
  }
  return counts;
}
