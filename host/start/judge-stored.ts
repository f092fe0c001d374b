import { covers } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { positionOf } from '../nats/durable-position';
import { filtersOf } from '../nats/durable-filters';
import { findDurable } from '../nats/find-durable';
import { startOfNewest } from '../nats/message-count';
import { eventsOn, noDirectReads, type StoredEvent } from '../nats/stored-event';
import { findStream } from '../nats/streams';
import { ReplayProcess } from '../replay/replay-process';
import { EventTally, type ContractFaults, type EventCounts, type Pass } from './event-tally';

/** A contract as a plugin's file has it, and the handlers of the plugin that take its events. */
export interface PluginContract {
  readonly plugin: string;
  readonly file: string;
  readonly subject: string;
  readonly stream: string;
  readonly handlers: readonly { readonly name: string; readonly durable: string }[];
}

export interface JudgeOptions {
  /** How many of the newest events on the contract's subject are judged. `Infinity` means all. */
  readonly newest: number;
  /** Called with the number of sequences of the stream that have been searched, and with the number of all. */
  readonly progress?: (contract: PluginContract, done: number, total: number) => void;
}

/** The judgement of a contract about stored events. */
export interface JudgedContract {
  readonly contract: PluginContract;
  /** The events among the newest on the contract's subject, handled or not. */
  readonly stored: EventCounts;
  /** The events behind the ack floor of each handler's durable, also those under an earlier subject of the handler. */
  readonly waiting: readonly ({ readonly handler: string } & EventCounts)[];
  /** Why events would be refused. */
  readonly faults: ContractFaults;
  /** Why the contract could not judge all events: the plugin cannot be loaded, or its code has ended the process. */
  readonly failure?: unknown;
}

/**
 * Validates stored events by contracts, as hosts with these plugins would. The authors' code runs in a process of its
 * own, without the network and the server.
 */
export async function judgeStoredEvents(
  connection: Connection,
  { nats: _, ...config }: Config,
  contracts: readonly PluginContract[],
  options: JudgeOptions,
): Promise<JudgedContract[]> {
  const judged: JudgedContract[] = [];
  let judge: ReplayProcess | undefined;
  try {
    for (const contract of contracts) {
      judge ??= ReplayProcess.start({ config, allowsNetwork: false });
      const one = await judgeContract(connection, contract, judge, options);
      judged.push(one);
      if (one.failure === undefined) continue;
      // The author's code may have ended or blocked the process.
      await judge.stop();
      judge = undefined;
    }
  } finally {
    await judge?.stop();
  }
  return judged;
}

/** The position of a handler, and the earlier subjects that its durable still delivers. */
interface HandlerWait {
  readonly handler: string;
  readonly ackFloor: number;
  readonly formerSubjects: readonly string[];
}

async function judgeContract(
  connection: Connection,
  contract: PluginContract,
  judge: ReplayProcess,
  { newest, progress }: JudgeOptions,
): Promise<JudgedContract> {
  const { plugin, file, subject, stream, handlers } = contract;
  const tally = new EventTally();
  let failure: { readonly failure?: unknown } = {};
  try {
    const info = await findStream(connection, stream);
    if (info && info.state.messages > 0) {
      if (!(info.config as { allow_direct?: boolean }).allow_direct) throw noDirectReads(stream);
      const { first_seq: first, last_seq: last } = info.state;
      const waits = await Promise.all(handlers.map((handler) => waitOf(connection, contract, handler)));
      const known = waits.filter((wait) => wait !== undefined);
      const start = Number.isFinite(newest) ? await startOfNewest(connection, stream, subject, newest) : first;
      const target = { files: [file], plugin, handler: handlers[0]!.name, subject };
      for (const pass of passesOf(subject, start, known)) {
        const from = Math.max(first, pass.from);
        for await (const events of eventsOn(connection, stream, pass.subject, { from, to: last })) {
          tally.add(events, await judge.judge(target, events.map(onWire)), pass);
          progress?.(contract, events.at(-1)!.sequence - from + 1, last - from + 1);
        }
      }
    }
  } catch (error) {
    failure = { failure: error };
  }
  const waiting = handlers.map(({ name }) => ({ handler: name, ...tally.waitingOf(name) }));
  return { contract, stored: tally.stored, waiting, faults: tally.faults, ...failure };
}

function passesOf(subject: string, start: number, waits: readonly HandlerWait[]): Pass[] {
  const floors = waits.map(({ ackFloor }) => ackFloor + 1);
  const present = { subject, from: Math.min(start, ...floors), storedFrom: start, waits };
  const former = waits.flatMap((wait) =>
    wait.formerSubjects.map((old) => ({ subject: old, from: wait.ackFloor + 1, storedFrom: Infinity, waits: [wait] })),
  );
  return [present, ...former];
}

/** Reads a handler's position; undefined if its durable does not exist yet. */
async function waitOf(
  connection: Connection,
  { stream, subject }: PluginContract,
  { name, durable }: PluginContract['handlers'][number],
): Promise<HandlerWait | undefined> {
  const info = await findDurable(connection, stream, durable);
  if (!info) return undefined;
  const formerSubjects = filtersOf(info.config).filter((filter) => !covers(subject, filter));
  return { handler: name, ackFloor: positionOf(info).ackFloor, formerSubjects };
}

function onWire(event: StoredEvent) {
  return { ...event, payload: Buffer.from(event.payload).toString('base64') };
}
