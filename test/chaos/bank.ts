/** A plugin that moves amounts between accounts, so that the sum of all accounts is always 0. */
import type { NatsConnection } from 'nats';
import { escapeKey } from '../../host/effects/store-keys';
import { storedLetters } from '../support/dead-letters';
import { pluginSource } from '../support/plugin-source';
import { readStore, readStream, type StoredMessage } from '../support/stored';
import type { Outgoing } from './load';

const ACCOUNTS = 300;
/** The accounts with an even number are in this scope. */
const SCOPE = 'even';
/** Every fourth transfer is between some of these, so that many runs conflict. */
const BUSY_ACCOUNTS = 6;

/**
 * Transfers at once, or with a pause between reading and writing, and audits. An audit that sees a wrong sum ends as a
 * dead letter. Every second audit publishes the sum that it has seen; the others have no effect.
 */
export const BANK = pluginSource(
  'BankPlugin',
  `  constructor(private readonly accounts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.transfer', { from: 'beginning', concurrency: 32 })
  async transfer({ from, to, amount }: any, context: EventContext) {
    await this.of(from).update(from, (balance = 0) => balance - amount);
    await this.of(to).update(to, (balance = 0) => balance + amount);
    await this.events.publish('badge.transferred', { sequence: context.sequence });
  }
  @Subscribe('video.slow_transfer', { from: 'beginning', concurrency: 32 })
  async slowTransfer({ from, to, amount }: any, context: EventContext) {
    const balance = (await this.of(from).get(from)) ?? 0;
    await new Promise((resolve) => setTimeout(resolve, amount % 20));
    await this.of(to).update(to, (other = 0) => other + amount);
    await this.of(from).update(from, (now = 0) => {
      if (now !== balance) throw new Reject('the balance has changed since the run has read it');
      return balance - amount;
    });
    await this.events.publish('badge.transferred', { sequence: context.sequence });
  }
  @Subscribe('video.audit', { from: 'beginning', concurrency: 2 })
  async audit({ n }: any, context: EventContext) {
    const names = Array.from({ length: ${ACCOUNTS} }, (_, i) => 'a' + i);
    const balances = await Promise.all(names.map(async (name) => (await this.of(name).get(name)) ?? 0));
    const sum = balances.reduce((one, other) => one + other);
    if (sum !== 0) throw new Reject('the sum is ' + sum);
    if (n % 2 === 0) await this.events.publish('badge.audited', { sequence: context.sequence });
  }
  private of(name: string): Store<number> {
    return Number(name.slice(1)) % 2 === 0 ? this.accounts.scope<number>('${SCOPE}') : this.accounts;
  }`,
);

const isInScope = (i: number): boolean => i % 2 === 0;

/** The keys of all accounts, as the bucket has them. */
export const KEYS = Array.from({ length: ACCOUNTS }, (_, i) => escapeKey(`a${i}`, isInScope(i) ? SCOPE : undefined));

/** The subjects of streams that a bank needs. */
export const BANK_SUBJECTS = ['video.>', 'badge.>'];

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

export const transfer = (n: number): Outgoing => ({ subject: 'video.transfer', event: randomTransfer(n) });
export const slowTransfer = (n: number): Outgoing => ({ subject: 'video.slow_transfer', event: randomTransfer(n) });
export const audit = (n: number): Outgoing => ({ subject: 'video.audit', event: { n } });

function randomTransfer(n: number): Transfer {
  const accounts = n % 4 === 0 ? BUSY_ACCOUNTS : ACCOUNTS;
  const from = Math.floor(Math.random() * accounts);
  const to = (from + 1 + Math.floor(Math.random() * (accounts - 1))) % accounts;
  return { from: `a${from}`, to: `a${to}`, amount: 1 + Math.floor(Math.random() * 1_000) };
}

/** The deviations of a bank from one that has taken each event of the stream once. */
export interface Deviations {
  readonly wrongAccounts: readonly string[];
  /** The transfers that were published more than once, or never; audits too. */
  readonly publishedTwice: number;
  readonly notPublished: number;
  /** The errors of the dead letters. */
  readonly letters: readonly string[];
}

export const NO_DEVIATIONS: Deviations = { wrongAccounts: [], publishedTwice: 0, notPublished: 0, letters: [] };

/** Compares accounts and published events with the events of the stream, without the host's code. */
export async function deviations(nats: NatsConnection): Promise<Deviations & { readonly events: number }> {
  const all = await readStream(nats, 'EVENTS');
  const causes = all.filter(({ subject }) => subject.startsWith('video.'));
  const transfers = causes.filter(({ subject }) => subject !== 'video.audit');
  const audits = causes.filter((cause) => cause.subject === 'video.audit' && cause.json<{ n: number }>().n % 2 === 0);
  const published = sequencesIn(all, 'badge.transferred').concat(sequencesIn(all, 'badge.audited'));
  const once = new Set(published);
  const letters = await storedLetters(nats);
  return {
    events: causes.length,
    wrongAccounts: wrongAccounts(await readStore(nats, 'bank'), transfers),
    publishedTwice: published.length - once.size,
    notPublished: [...transfers, ...audits].filter(({ sequence }) => !once.has(sequence)).length,
    letters: letters.map(({ subject, header }) => `${subject}: ${header.get('x-error-message')}`),
  };
}

function sequencesIn(all: readonly StoredMessage[], subject: string): number[] {
  return all.filter((event) => event.subject === subject).map((event) => event.json<{ sequence: number }>().sequence);
}

function wrongAccounts(store: Record<string, unknown>, transfers: readonly StoredMessage[]): string[] {
  const balances = new Map<string, number>();
  const add = (name: string, amount: number): void => void balances.set(name, (balances.get(name) ?? 0) + amount);
  for (const event of transfers) {
    const { from, to, amount } = event.json<Transfer>();
    add(from, -amount);
    add(to, amount);
  }
  return [...balances].flatMap(([name, balance]) => {
    const stored = store[isInScope(Number(name.slice(1))) ? `${SCOPE}/${name}` : name];
    return stored === balance ? [] : [`${name}: ${String(stored)}, expected ${balance}`];
  });
}
