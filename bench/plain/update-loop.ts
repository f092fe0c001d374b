/**
 * The usual way to keep counts in a bucket: for each event, `kv.update` with the revision of the update before, with
 * eight events in flight. Each key's count and revision are kept in memory, so no value is read. The effects are not
 * once: after a crash some events count again.
 */
import type { JsMsg, KV } from 'nats';
import { storeKeyOf, type PlayedFields } from '../core/events';
import { consumeBest, durableOf, runProgram, printReady } from './program';
import type { StoreJob } from './store-loop';

interface Key {
  count: number;
  revision: number;
  /** Resolves when the last update of the key is stored. */
  last: Promise<void>;
}

const IN_FLIGHT = 8;

const tally = meter.tally();
const keys = new Map<string, Key>();
const waiting: JsMsg[] = [];
let inFlight = 0;

runProgram<StoreJob>(async (nc, job) => {
  const bucket = await nc.jetstream().views.kv(job.bucket);
  // A slow disk must not let the ack wait of prefetched messages pass.
  const maxMessages = 500;
  const startNext = (): void => {
    while (inFlight < IN_FLIGHT && waiting.length > 0) {
      inFlight++;
      void count(bucket, waiting.shift()!, job.keys).then(() => {
        inFlight--;
        startNext();
      });
    }
  };
  await consumeBest(
    await durableOf(nc, job.stream, 'plain', 'best'),
    (message) => {
      waiting.push(message);
      startNext();
    },
    maxMessages,
  );
  printReady();
});

async function count(bucket: KV, message: JsMsg, which: StoreJob['keys']): Promise<void> {
  const { n, sent_ms } = message.json<PlayedFields>();
  const name = which === 'one' ? 'all' : storeKeyOf(n);
  const key = keys.get(name) ?? { count: 0, revision: 0, last: Promise.resolve() };
  keys.set(name, key);
  const stored = key.last.then(async () => {
    const value = String(++key.count);
    key.revision = await (key.revision === 0 ? bucket.create(name, value) : bucket.update(name, value, key.revision));
  });
  key.last = stored;
  await stored;
  tally.handled(n, sent_ms);
  message.ack();
}
