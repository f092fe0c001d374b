import type { Delivery } from '../../host/broker/delivery';
import type { DeadLetters, Outgoing } from '../../host/broker/ports';
import { WrappedDelivery } from '../../host/broker/wrapped-delivery';
import type { PinBroker } from '../../host/broker/plugin-broker';
import type { CommitLogs } from '../../host/plugin/commit-logs';
import type { CommitLog } from '../../host/records/commits/commit-log';
import { KEYED, OrderedPlugin, UnorderedPlugin } from './plugins';
import type { Promised } from './promises';

type AnyPluginClass = new (...args: never[]) => object;

/** Wraps the dependencies of a host. A simulation of the host as it is wraps nothing. */
export interface Mistakes {
  delivery(delivery: Delivery): Delivery;
  outgoing(outgoing: Outgoing): Outgoing;
  deadLetters(letters: DeadLetters): DeadLetters;
  /** Wraps a commit log where the broker has it. */
  log(log: CommitLog): CommitLog;
  commits(commits: CommitLogs): CommitLogs;
  pins(pins: PinBroker): PinBroker;
  plugin(cls: AnyPluginClass): AnyPluginClass;
}

export const NO_MISTAKES: Mistakes = {
  delivery: (delivery) => delivery,
  outgoing: (outgoing) => outgoing,
  deadLetters: (letters) => letters,
  log: (log) => log,
  commits: (commits) => commits,
  pins: (pins) => pins,
  plugin: (cls) => cls,
};

/** A promise that is broken on purpose, to show that the simulation finds it. */
export interface Mistake {
  readonly what: string;
  /** The promises of which a schedule may report a violation. */
  readonly breaks: readonly Promised[];
  /** The plugins without which the mistake cannot show. */
  readonly plugins: readonly string[];
  readonly wrap: Partial<Mistakes>;
}

export const MISTAKES: Readonly<Record<string, Mistake>> = {
  'ack-early': {
    what: 'an event is acknowledged when it arrives, before it is committed',
    breaks: ['no-event-lost'],
    plugins: ['counter', 'slow'],
    wrap: { delivery: (delivery) => new AckedEarly(delivery) },
  },
  'append-blindly': {
    what: 'a commit is appended without the check that it follows the last one',
    breaks: ['effect-once', 'no-event-lost', 'no-fault'],
    plugins: ['counter', 'slow'],
    wrap: { log: appendingBlindly },
  },
  'forget-settled': {
    what: 'a redelivered event is handled without a look at the settled events',
    breaks: ['effect-once'],
    plugins: ['counter', 'relay'],
    wrap: { commits: forgetSettled },
  },
  'ignore-key': {
    what: 'the order queue ignores the key',
    breaks: ['key-order'],
    plugins: ['ordered'],
    wrap: { plugin: (cls) => (cls === OrderedPlugin ? UnorderedPlugin : cls) },
  },
  'skip-claim': {
    what: 'a host that takes over a handler with a key does not claim it',
    breaks: ['one-host'],
    plugins: KEYED,
    wrap: { commits: skipClaims },
  },
  'skip-reset': {
    what: 'a host that takes over a handler with a key does not have the unsettled events delivered again in order',
    breaks: ['key-order'],
    plugins: KEYED,
    wrap: { pins: ({ hosts }) => ({ hosts, reset: async () => true }) },
  },
  'new-id': {
    what: 'an event that is sent again gets another id',
    breaks: ['effect-once'],
    plugins: ['relay', 'points'],
    wrap: { outgoing: withNewIds },
  },
  'drop-letter': {
    what: 'a dead letter is not stored',
    breaks: ['no-event-lost'],
    plugins: ['flaky'],
    wrap: { deadLetters: (letters) => ({ ...letters, store: () => Promise.resolve() }) },
  },
  'ack-once': {
    what: 'an event that was settled before is not acknowledged again',
    breaks: ['all-settled'],
    plugins: ['counter', 'slow'],
    wrap: { delivery: (delivery) => (delivery.deliveryCount > 1 ? new NeverAcked(delivery) : delivery) },
  },
};

class AckedEarly extends WrappedDelivery {
  private isOver = false;

  constructor(delivery: Delivery) {
    super(delivery);
    delivery.ack();
  }
  override get settled(): boolean {
    return this.isOver;
  }
  override ack(): void {
    this.isOver = true;
  }
  override nak(): void {
    this.isOver = true;
  }
  override term(): void {
    this.isOver = true;
  }
}

class NeverAcked extends WrappedDelivery {
  private isOver = false;

  override get settled(): boolean {
    return this.isOver || super.settled;
  }
  override ack(): void {
    this.isOver = true;
  }
}

/** Appends behind the end of the log, wherever that is. */
function appendingBlindly(log: CommitLog): CommitLog {
  return {
    maxCommitBytes: log.maxCommitBytes,
    append: async (text) => log.append(text, (await log.bounds()).last),
    readAfter: (after) => log.readAfter(after),
    bounds: () => log.bounds(),
    firstSince: (epochMs) => log.firstSince(epochMs),
    follow: (listener, reconnected) => log.follow(listener, reconnected),
    removeUpTo: (position) => log.removeUpTo(position),
  };
}

function forgetSettled(commits: CommitLogs): CommitLogs {
  const enter = commits.enter.bind(commits);
  commits.enter = (plugin) => {
    const log = enter(plugin);
    const add = log.add.bind(log);
    log.add = (settlements) => add(Object.assign(settlements, { has: () => false }));
    return log;
  };
  return commits;
}

function skipClaims(commits: CommitLogs): CommitLogs {
  const enter = commits.enter.bind(commits);
  commits.enter = (plugin) => {
    const entered = enter(plugin);
    const find = entered.find.bind(entered);
    entered.find = async () => {
      const log = await find();
      return log && Object.assign(log, { claim: async () => true });
    };
    return entered;
  };
  return commits;
}

function withNewIds(outgoing: Outgoing): Outgoing {
  let sent = 0;
  return { ...outgoing, send: (event) => outgoing.send({ ...event, id: `${++sent} ${event.id}` }) };
}
