import { forEachSubject, type Case, type Measurement } from '../core/case';
import { KEYS } from '../core/events';
import type { Ground } from '../core/ground';
import { host } from '../core/host';
import { plain } from '../core/plain';
import { work } from '../core/work';

const EVENTS = 20_000;
/** Sequential writes show their rate with fewer events. */
const DOCUMENTED_EVENTS = 5_000;
/** The bucket of the plain programs. The bucket of a plugin is named after the plugin. */
const BUCKET = 'bench';

export const store: Case = {
  name: 'store',
  about: 'an update of a store for each event, effects once, against as many sequential publishes',
  async prepare(ground) {
    const events = ground.events(EVENTS);
    await ground.fill(events);
    return (['many', 'one'] as const).flatMap((keys) => measurementsOf(ground, events, keys));
  },
};

function measurementsOf(ground: Ground, events: number, keys: 'one' | 'many'): Measurement[] {
  const documentedEvents = Math.min(events, DOCUMENTED_EVENTS);
  const sequential = { by: 'documented', subject: `$KV.${BUCKET}.all`, events: documentedEvents, inFlight: 1 };
  const subjects = {
    documented: { start: plain('publisher', sequential), bucket: BUCKET },
    best: { start: plain('store-loop', { bucket: BUCKET, keys }), bucket: BUCKET },
    jetplug: { start: host({ plugin: `store-${keys}` }), bucket: `jetplug-store-${keys}` },
    ...(keys === 'many' && {
      'jetplug-batch': { start: host({ plugin: 'store-batch' }), bucket: 'jetplug-store-batch' },
    }),
  };
  return forEachSubject(subjects, (subject, { start, bucket }) =>
    work(ground, {
      case: `store ${keys} key${keys === 'one' ? '' : 's'}`,
      subject,
      start: async (...given) => {
        if (bucket === BUCKET) await makeBucket(ground);
        return start(...given);
      },
      unit: 'updates/s',
      events,
      ...(subject === 'documented' && { deliveries: documentedEvents }),
      verify: async () => {
        if (subject === 'documented') return;
        await ground.checkSettled(1, events);
        await checkCounts(ground, bucket, events, keys === 'one' ? 1 : Math.min(KEYS, events));
      },
    }),
  );
}

/** Makes the bucket with the client’s own `views.kv`. */
async function makeBucket({ nc }: Ground): Promise<void> {
  await nc.jetstream().views.kv(BUCKET, { history: 1 });
}

/** Checks that each event was counted once. */
async function checkCounts({ nc }: Ground, bucket: string, events: number, keys: number): Promise<void> {
  const consumer = await nc.jetstream().consumers.get(`KV_${bucket}`, { filterSubjects: `$KV.${bucket}.>` });
  const counts: number[] = [];
  const messages = await consumer.consume();
  for await (const message of messages) {
    counts.push(message.json<number>());
    if (message.info.pending === 0) break;
  }
  const counted = counts.reduce((sum, count) => sum + count, 0);
  if (counted !== events || counts.length !== keys) {
    throw new Error(`${bucket} counts ${counted} events under ${counts.length} keys, not ${events} under ${keys}`);
  }
}
