import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { readContracts } from '../ops/contract-records';
import { contractsMayDiffer } from '../plugin/contract-record';
import type { EventCounts } from '../start/event-tally';
import type { JudgedContract } from '../start/judge-stored';
import type { CheckedPlugin } from './check-plugins';
import { figure } from './figure';
import { ignoredFromText } from './ignored-from-text';
import { ignoredStarts, type IgnoredStart } from './ignored-starts';
import { faultLines, judgeContracts, judgedJson, type JudgeFlags } from './judged-contracts';
import { errorLines, errorsOf, paint, warn } from './output';

/** The findings of a plan that are no changes of assets, so `apply` makes nothing of them. */
export interface PlanNotes {
  /** The changed contracts that would refuse or upcast stored events, or that could not judge all of them. */
  readonly contracts: readonly JudgedContract[];
  readonly starts: readonly IgnoredStart[];
}

/**
 * Tests the contracts that may differ from those that hosts have recorded on stored events, and finds the handlers whose
 * `from` has no effect. A plugin without a record is new to the server, and no host runs a disabled one.
 */
export async function findNotes(
  connection: Connection,
  config: Config,
  checked: readonly CheckedPlugin[],
  flags: JudgeFlags,
): Promise<PlanNotes> {
  const enabled = checked.filter(({ assets }) => assets?.isEnabled);
  const { records, warnings } = await readContracts(connection);
  for (const warning of warnings) warn(warning);
  const recorded = new Map(records.map((record) => [record.plugin, record]));
  const changed = enabled.filter(({ contracts }) => {
    const before = contracts && recorded.get(contracts.plugin);
    return before !== undefined && contractsMayDiffer(before, contracts!);
  });
  const judged = await judgeContracts(connection, config, changed, flags);
  return { contracts: judged.filter(isNotable), starts: await ignoredStarts(connection, enabled) };
}

function isNotable(judged: JudgedContract): boolean {
  return mayRefuse(judged) || countsIn(judged).some(({ upcast }) => upcast > 0);
}

/** Whether events would be refused, or nobody knows because the contract could not judge all of them. */
export function mayRefuse(judged: JudgedContract): boolean {
  return judged.failure !== undefined || countsIn(judged).some(({ refused }) => refused > 0);
}

function countsIn({ stored, waiting }: JudgedContract): EventCounts[] {
  return [stored, ...waiting];
}

/** The notes for a person. */
export function noteLines({ contracts, starts }: PlanNotes): string[] {
  return [...contracts.flatMap(contractLines), ...starts.flatMap(startLines)];
}

function contractLines(judged: JudgedContract): string[] {
  const { plugin, subject, stream } = judged.contract;
  const errors = judged.failure === undefined ? [] : errorsOf(judged.failure);
  return [
    `${paint(mayRefuse(judged) ? 'red' : 'yellow', '#')} contract ${paint('bold', subject)} on stream ${stream}, of ${plugin}`,
    `    ${impactOf(judged)}`,
    ...faultLines(judged, '    '),
    ...errors.flatMap((error) => errorLines(error, process.stdout)).map((line) => `    ${line}`),
  ];
}

function startLines({ plugin, handler: { name, durable }, stream, ignored }: IgnoredStart): string[] {
  return [
    `${paint('cyan', 'i')} durable ${paint('bold', durable)} on stream ${stream}, of ${plugin}.${name}`,
    `    ${paint('dim', ignoredFromText(ignored))}`,
  ];
}

/** The notes for programs, as entries of the list of changes. */
export function noteEntries({ contracts, starts }: PlanNotes): object[] {
  return [...contracts.map(contractEntry), ...starts.map(startEntry)];
}

/** A host that starts validates by the new contract, so the change is made at a start. */
function contractEntry(judged: JudgedContract): object {
  const about = { change: 'contract', kind: 'contract', name: judged.contract.subject };
  const { failure } = judged;
  const errors = failure === undefined ? {} : { errors: errorsOf(failure) };
  return { ...about, impact: impactOf(judged), atStart: true, ...judgedJson(judged), ...errors };
}

function startEntry({ plugin, handler: { name, durable }, stream, ignored }: IgnoredStart): object {
  const about = { change: 'note', kind: 'durable', name: durable, stream, plugin, handler: name };
  return { ...about, impact: ignoredFromText(ignored), atStart: false };
}

/** Says how many events would be refused: `15 of 500 stored events and 5 of 200 waiting for renames.take would be refused`. */
function impactOf({ contract: { plugin }, stored, waiting, failure }: JudgedContract): string {
  const parts = [
    { ...stored, what: 'stored events' },
    ...waiting.map(({ handler, ...counts }) => ({ ...counts, what: `waiting for ${plugin}.${handler}` })),
  ]
    .filter(({ judged }) => judged > 0)
    .map(countsText);
  if (parts.length === 0) return 'no event could be tested';
  const last = parts.length > 1 ? ` and ${parts.pop()!}` : '';
  const tested = failure === undefined ? '' : ', as far as they could be tested';
  return `${parts.join(', ')}${last} would be refused${tested}`;
}

function countsText({ judged, refused, upcast, what }: EventCounts & { readonly what: string }): string {
  return `${figure(refused)} of ${figure(judged)} ${what}${upcast > 0 ? ` (${figure(upcast)} upcast)` : ''}`;
}
