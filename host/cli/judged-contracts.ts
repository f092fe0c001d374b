import type { Config } from '../config/config';
import { terminalText } from '../base/utf8';
import type { Connection } from '../nats/connection';
import type { ContractFault } from '../start/event-tally';
import { judgeStoredEvents, type JudgedContract, type PluginContract } from '../start/judge-stored';
import type { CheckedPlugin } from './check-plugins';
import { figure } from './figure';
import { paint, table } from './output';
import { StreamBars } from './progress';

const NEWEST = 100_000;
/** The faults of a contract that are shown on a terminal. `--json` has more. */
const SHOWN_FAULTS = 10;

export interface JudgeFlags {
  /** Whether all stored events are judged. Default: the newest 100,000 of each subject. */
  readonly all?: boolean;
}

/** Tests the contracts of the plugins on stored events. Plugins with problems are left out. */
export async function judgeContracts(
  connection: Connection,
  config: Config,
  checked: readonly CheckedPlugin[],
  { all }: JudgeFlags,
): Promise<JudgedContract[]> {
  const bars = new StreamBars();
  try {
    return await judgeStoredEvents(connection, config, checked.flatMap(contractsOf), {
      newest: all ? Infinity : NEWEST,
      progress: ({ plugin, subject }, done, total) => bars.searched(`${plugin} ${subject}`, done, total),
    });
  } finally {
    bars.stop();
  }
}

/** Returns the contracts of a plugin without problems, each with the handlers that take it. */
function contractsOf({ plugin, contracts: record, problems }: CheckedPlugin): PluginContract[] {
  if (!plugin || !record || problems.length > 0) return [];
  return record.contracts.flatMap((_, index) => {
    const handlers = record.handlers.filter(({ contract }) => contract === index);
    const [{ subject, stream } = {}] = handlers;
    if (subject === undefined || typeof stream !== 'string') return [];
    const durables = new Map(plugin.handlers.map(({ name, durable }) => [name, durable]));
    const named = handlers.map(({ name }) => ({ name, durable: durables.get(name)! }));
    return [{ plugin: plugin.name, file: plugin.file, subject, stream, handlers: named }];
  });
}

/** The most frequent faults of a contract by field for a person, each with the places of its first events. */
export function faultLines({ contract: { stream }, faults }: JudgedContract, indent: string): string[] {
  const shown = faults.byField.slice(0, SHOWN_FAULTS);
  const more = faults.byField.length - shown.length;
  const rows = shown.map((fault) => faultRow(fault, stream));
  return [
    ...table(rows, indent),
    ...(more > 0 ? [`${indent}and ${more} more validation errors: --json has them`] : []),
  ];
}

function faultRow({ reason, field, message, events, examples }: ContractFault, stream: string): string[] {
  const places = examples.map((sequence) => `${stream}:${sequence}`).join(' ');
  return [figure(events), terminalText(field || reason), terminalText(message), paint('dim', places)];
}

/** The judgement of a contract for programs. */
export function judgedJson({ contract, stored, waiting, faults, failure }: JudgedContract): object {
  const { plugin, file, subject, stream } = contract;
  return { plugin, file, subject, stream, stored, waiting, ...faults, complete: failure === undefined };
}
