/**
 * The best loop that keeps counts in a bucket. Each key’s count is kept in memory and written as soon as the write before
 * it is answered, with all events of the meantime. The effects are not once: after a crash some events count again.
 */
import type { JsMsg } from 'nats';
import { storeKeyOf, type PlayedFields } from '../core/events';
import { AckInbox } from './ack-inbox';
import { consumeBest, durableOf, runProgram, printReady } from './program';

export interface StoreJob {
  readonly url: string;
  readonly stream: string;
  readonly bucket: string;
  readonly keys: 'one' | 'many';
}

interface Key {
  count: number;
  revision: number;
  /** Events that are counted and not written yet. */
  unwritten: { message: JsMsg; n: number }[];
  isWriting: boolean;
}

const tally = meter.tally();
const keys = new Map<string, Key>();

runProgram<StoreJob>(async (nc, job) => {
  const bucket = await nc.jetstream().views.kv(job.bucket);
  await bucket.status();
  const inbox = new AckInbox(nc);
  await consumeBest(await durableOf(nc, job.stream, 'plain', 'best'), (message) => {
    const { n } = message.json<PlayedFields>();
    const name = job.keys === 'one' ? 'all' : storeKeyOf(n);
    const key = keys.get(name) ?? { count: 0, revision: 0, unwritten: [], isWriting: false };
    keys.set(name, key);
    key.count++;
    key.unwritten.push({ message, n });
    if (!key.isWriting) void write(inbox, `$KV.${job.bucket}.${name}`, key);
  });
  printReady();
});

async function write(inbox: AckInbox, subject: string, key: Key): Promise<void> {
  key.isWriting = true;
  while (key.unwritten.length > 0) {
    const written = key.unwritten;
    key.unwritten = [];
    const onlyAfter = { 'Nats-Expected-Last-Subject-Sequence': String(key.revision) };
    const { seq } = await inbox.publish(subject, String(key.count), undefined, onlyAfter);
    key.revision = seq;
    for (const { message, n } of written) {
      tally.handled(n);
      message.ack();
    }
  }
  key.isWriting = false;
}
