import type { ErrorCode } from '../../sdk/internal';
import { retryUntil } from '../../host/base/retry-until';
import type { DurableLook, DurableSpec, DurableWatcher } from '../../host/broker/durable';
import type { HostGroup } from '../../host/broker/host-group';
import type { DurablePull, PullSink } from '../../host/broker/pull';
import type { PluginBroker } from '../../host/broker/plugin-broker';
import type { PluginHost } from '../../host/plugin/plugin-host';
import type { CommitLog } from '../../host/records/commits/commit-log';
import type { Entry, KeyValue, ReadOptions } from '../../host/records/key-value';
import type { MemoryBucket } from '../../host/testing/memory-bucket';
import { Channel, type Link } from './link';
import { RemotePinnedPull } from './pinned-pull';
import { RemotePull } from './pull';

const LOOK_MS = 5_000;
const RELIST_MS = 1_000;
const UNAVAILABLE: ErrorCode = 'JP_STORE_UNAVAILABLE';
const UNANSWERED: ErrorCode = 'JP_BROKER_NO_QUORUM';
const NOT_PUBLISHED: ErrorCode = 'JP_PUBLISH_FAILED';

/** The broker's services as a host has them over its connection. */
export type Services = Pick<
  PluginHost,
  'broker' | 'records' | 'outgoing' | 'deadLetters' | 'retryQueue' | 'retryNotifier'
>;

/** Returns the services of the broker over a connection that delays and loses messages. */
export function remoteServices(link: Link, hosts: HostGroup): Services {
  const { world } = link;
  const { broker, mistakes } = world;
  const { outgoing, deadLetters, retryQueue } = broker;
  return {
    broker: remoteBroker(link, hosts),
    records: remoteBucket(link, 'records', broker.bucket('jetplug')),
    outgoing: mistakes.outgoing({
      dropsRepeatsMs: outgoing.dropsRepeatsMs,
      check: (event) => outgoing.check(event),
      send: ({ id, subject, payload, headers }) =>
        link.request(`publish ${subject} ${id.slice(0, 8)}`, NOT_PUBLISHED, async () => {
          const { duplicate } = world.store({ id, subject, payload: Buffer.from(payload), headers });
          return { duplicate };
        }),
      idsSince: (subject, sinceMs) =>
        link.request(`list the ids on ${subject}`, NOT_PUBLISHED, () => outgoing.idsSince(subject, sinceMs)),
    }),
    deadLetters: mistakes.deadLetters({
      store: (letter) =>
        link.request(`store the letter of ${letter.plugin}.${letter.handler} ${letter.sequence}`, UNANSWERED, () =>
          deadLetters.store(letter),
        ),
      remove: (id, of) => link.request(`remove letter ${id}`, UNANSWERED, () => deadLetters.remove(id, of)),
    }),
    retryQueue: {
      defer: (event) =>
        link.request(`defer ${event.plugin}.${event.handler} ${event.origin.sequence}`, NOT_PUBLISHED, () =>
          retryQueue.defer(event),
        ),
    },
    retryNotifier: {
      on: (plugin, handler, listener) => {
        const end = broker.onDeferred(plugin, handler, () => link.receive(listener));
        link.onEnd(end);
        const look = (): Promise<boolean> =>
          link.request('list the retry queues', UNANSWERED, () =>
            broker.hasDeferred({ subject: `retry.${plugin}.${handler}.>` }),
          );
        const returned = async (): Promise<void> => {
          if (await retryUntil(look, { waitMs: RELIST_MS, time: link.time })) listener();
        };
        link.onReturn(
          () => void returned(),
          () => undefined,
        );
        return end;
      },
    },
  };
}

function remoteBroker(link: Link, hosts: HostGroup): PluginBroker {
  const { broker, mistakes, isPinned } = link.world;
  const ask = <T>(what: string, act: () => Promise<T>): Promise<T> => link.request(what, UNANSWERED, act);
  const leave = (): void => undefined;
  return {
    ensureDurable: (spec) => ask(`ensure ${spec.durable}`, () => broker.ensureDurable(spec)),
    checkDurable: () => broker.checkDurable(),
    durablePosition: (stream, durable) => ask(`look at ${durable}`, () => broker.durablePosition(stream, durable)),
    durableCheckpoint: (spec) => ask(`checkpoint of ${spec.durable}`, () => broker.durableCheckpoint(spec)),
    streamCreated: (stream) => ask(`look at ${stream}`, () => broker.streamCreated(stream)),
    whenChecked: () => broker.whenChecked(),
    hasDeferred: (durable) => ask(`look for deferred events`, () => broker.hasDeferred(durable)),
    watchDurable: watchDurables(link),
    pull: (stream, durable, sink) => {
      const open = (inner: PullSink): DurablePull => broker.pull(stream, durable, inner);
      return isPinned && sink.pin
        ? new RemotePinnedPull(link, durable, open, sink, sink.pin)
        : new RemotePull(link, durable, open, sink);
    },
    pins: mistakes.pins({
      reset: (spec) =>
        ask(`reset ${spec.durable}`, async () => {
          broker.resetDurable(spec);
          return true;
        }),
      hosts,
    }),
    mayHaveStore: (plugin) => ask(`look for the store of ${plugin}`, async () => plugin !== ''),
    findStore: async (plugin) => {
      const found = await ask(`find the bucket of ${plugin}`, () => broker.findStore(plugin));
      return found && remoteBucket(link, plugin, found);
    },
    openStore: async (plugin) => {
      const { bucket } = await ask(`open the bucket of ${plugin}`, () => broker.openStore(plugin));
      return { bucket: remoteBucket(link, plugin, bucket), leave };
    },
    openLog: async (plugin, above) => {
      const { log } = await ask(`open the log of ${plugin}`, () => broker.openLog(plugin, above));
      return { log: remoteLog(link, plugin, mistakes.log(log)), leave };
    },
    findLog: async (plugin) => {
      const log = await ask(`find the log of ${plugin}`, () => broker.findLog(plugin));
      return log && remoteLog(link, plugin, mistakes.log(log));
    },
  };
}

/** Looks at the durables of a host every few seconds. */
function watchDurables(link: Link): PluginBroker['watchDurable'] {
  const { broker } = link.world;
  const members = new Set<{ readonly spec: DurableSpec; readonly watcher: DurableWatcher }>();
  const look = async ({ stream, durable }: DurableSpec): Promise<DurableLook | undefined> => {
    const position = await broker.durablePosition(stream, durable);
    const checkpoint = await broker.durableCheckpoint({ stream, durable });
    const { id } = link.world.pinOf(durable);
    const nothing = { needs: 'nothing', corrections: [], drift: [], pulls: 1 } as const;
    return position && checkpoint && { ...position, ...nothing, checkpoint, ...(id !== undefined && { pin: id }) };
  };
  link.time.every(LOOK_MS, () => {
    const looked = [...members];
    link
      .request('look at the durables', UNANSWERED, () => Promise.all(looked.map(({ spec }) => look(spec))))
      .then((looks) => {
        for (const [i, member] of looked.entries()) if (looks[i] && members.has(member)) member.watcher(looks[i]);
      })
      .catch(() => undefined);
  });
  return (spec, watcher) => {
    const member = { spec, watcher };
    members.add(member);
    return () => void members.delete(member);
  };
}

function remoteBucket(link: Link, name: string, bucket: MemoryBucket): KeyValue {
  const ask = <T>(what: string, act: () => Promise<T>): Promise<T> =>
    link.request(`${name}: ${what}`, UNAVAILABLE, act);
  return {
    get: (key, options) => ask(`get ${key}`, async () => read(link, bucket, key, options)),
    put: (key, value, expected, position) =>
      ask(`put ${key}`, () => noting(link, bucket, key, () => bucket.put(key, value, expected, position))),
    delete: (key, expected, position) =>
      ask(`delete ${key}`, () => noting(link, bucket, key, () => bucket.delete(key, expected, position))),
    purge: (key) => ask(`purge ${key}`, () => bucket.purge(key)),
    keys: (under) => ask('keys', () => bucket.keys(under)),
    entryKeys: () => ask('keys', () => bucket.entryKeys()),
  };
}

/** A replica that is behind has not the last write of the key, unless the read asks for a later revision. */
async function read(link: Link, bucket: MemoryBucket, key: string, { latest = false, asOf = 0 }: ReadOptions = {}) {
  const entry = await bucket.get(key);
  const { world } = link;
  const isBehind = !latest && asOf > 0 && entry && entry.revision > asOf && world.dice.chance(world.faults.staleReads);
  return isBehind ? world.earlier(bucket, key) : entry;
}

async function noting(link: Link, bucket: MemoryBucket, key: string, write: () => Promise<number>): Promise<number> {
  const before: Entry | undefined = bucket.entries.get(key);
  const revision = await write();
  link.world.noteEarlier(bucket, key, before);
  return revision;
}

function remoteLog(link: Link, plugin: string, log: CommitLog): CommitLog {
  const { world } = link;
  const ask = <T>(what: string, act: () => Promise<T>): Promise<T> =>
    link.request(`${plugin}: ${what}`, UNAVAILABLE, act);
  return {
    maxCommitBytes: log.maxCommitBytes,
    append: (text, expected) =>
      ask(`append behind ${expected}`, async () => {
        const position = await log.append(text, expected);
        world.committed(plugin, position, text);
        return position;
      }),
    readAfter: (after) => ask(`read the log behind ${after}`, () => log.readAfter(after)),
    bounds: () => ask('bounds of the log', () => log.bounds()),
    firstSince: (epochMs) => ask('search the log', () => log.firstSince(epochMs)),
    removeUpTo: (position) => ask(`cut the log up to ${position}`, () => log.removeUpTo(position)),
    follow: (listener, reconnected) => {
      const tail = new Channel();
      let isOver = false;
      const unfollow = log.follow((commit) => {
        if (world.dice.chance(world.faults.lostTail)) return;
        link.receive(() => !isOver && listener(commit), tail);
      });
      const end = (): void => {
        isOver = true;
        unfollow();
      };
      link.onEnd(end);
      link.onReturn(
        () => !isOver && reconnected?.(),
        () => undefined,
      );
      return end;
    },
  };
}
