import { JetplugError, type Start } from '../../sdk/internal';
import { terminalText } from '../base/utf8';
import type { Connection } from '../nats/connection';
import { ignoredFrom } from '../nats/created-from';
import { findDurable } from '../nats/find-durable';
import { isStreamNotFound } from '../nats/streams';
import type { ContractFault, EventCounts } from '../start/event-tally';
import { judgeStoredEvents, type JudgedContract, type PluginContract } from '../start/judge-stored';
import type { CheckedPlugin } from './check-plugins';
import { withBroker, type CommonFlags } from './common';
import { figure } from './figure';
import { ignoredFromText } from './ignored-from-text';
import { errorsOf, paint, table } from './output';
import { StreamBars } from './progress';

const NEWEST = 100_000;
/** The faults of a contract that are shown on a terminal. `--json` has more. */
const SHOWN_FAULTS = 10;

/** The findings about contracts and stored events. */
export interface StoredFindings {
  readonly contracts: readonly JudgedContract[];
  readonly problems: readonly JetplugError[];
  readonly warnings: readonly JetplugError[];
}

/**
 * Tests the contracts of the plugins on the stored events of the server.
 * @throws JetplugError if the server cannot be reached
 */
export function checkAgainstStream(
  checked: readonly CheckedPlugin[],
  flags: CommonFlags & { all?: boolean },
): Promise<StoredFindings> {
  return withBroker(flags, async (connection, { config }) => {
    const bars = new StreamBars();
    try {
      const contracts = await judgeStoredEvents(connection, config, checked.flatMap(contractsOf), {
        newest: flags.all ? Infinity : NEWEST,
        progress: ({ plugin, subject }, done, total) => bars.searched(`${plugin} ${subject}`, done, total),
      });
      const problems = contracts.flatMap((contract) => problemsOf(contract, checked));
      return { contracts, problems, warnings: await ignoredStarts(connection, checked) };
    } finally {
      bars.stop();
    }
  });
}

/** Warns of each handler that asks for another start than its durable has had. */
async function ignoredStarts(connection: Connection, checked: readonly CheckedPlugin[]): Promise<JetplugError[]> {
  const handlers = checked.flatMap(({ plugin, contracts: record }) =>
    (plugin?.handlers ?? []).map((handler) => ({
      ...{ handler, plugin: plugin!.name },
      recorded: record?.handlers.find(({ name }) => name === handler.name),
    })),
  );
  const warnings = handlers.map(async ({ handler: { name, durable, where }, plugin, recorded }) => {
    if (typeof recorded?.stream !== 'string') return [];
    const info = await findDurable(connection, recorded.stream, durable).catch(noStream);
    const ignored = info && ignoredFrom(recorded.options.from as Start, info);
    if (!ignored) return [];
    const message = `${plugin}.${name}: ${ignoredFromText(ignored)}`;
    return [new JetplugError('JP_HANDLER_FROM_IGNORED', message, { plugin, ...where })];
  });
  return (await Promise.all(warnings)).flat();
}

function noStream(error: unknown): undefined {
  if (!isStreamNotFound(error)) throw error;
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

function problemsOf(judged: JudgedContract, checked: readonly CheckedPlugin[]): JetplugError[] {
  const { contract, stored, waiting, failure } = judged;
  const { plugin: name, file, subject, stream, handlers } = contract;
  const owner = checked.find(({ plugin }) => plugin?.file === file)?.plugin;
  const where = owner?.handlers.find((one) => one.name === handlers[0]!.name)?.where ?? { file };
  if (failure !== undefined) return errorsOf(failure).map((error) => error.with({ plugin: name, ...where }));
  const parts = [
    ...(stored.refused > 0 ? [`${figure(stored.refused)} of ${figure(stored.judged)} stored events`] : []),
    ...waiting
      .filter(({ refused }) => refused > 0)
      .map(({ handler, refused, judged: all }) => `${figure(refused)} of ${figure(all)} that wait for ${handler}`),
  ];
  if (parts.length === 0) return [];
  const message = `${name}: the contract of ${subject} refuses ${parts.join(', and ')} in stream ${stream}`;
  return [new JetplugError('JP_CONTRACT_MISMATCH', message, { plugin: name, ...where })];
}

/** The findings for a person: the counts of each contract, and its faults by field. */
export function storedLines({ contracts }: StoredFindings): string[] {
  return contracts.flatMap(({ contract, stored, waiting, faults }) => {
    const { plugin, subject, stream } = contract;
    const shown = faults.byField.slice(0, SHOWN_FAULTS);
    const more = faults.byField.length - shown.length;
    return [
      `${paint('cyan', subject)} in ${stream}, contract of ${plugin}: ${countsText(stored, 'stored')}`,
      ...waiting.map(({ handler, ...counts }) => `  ${plugin}.${handler}: ${countsText(counts, 'waiting')}`),
      ...table(
        shown.map((fault) => faultRow(fault, stream)),
        '  ',
      ),
      ...(more > 0 ? [`  and ${more} more validation errors: --json has them`] : []),
    ];
  });
}

function countsText({ judged, refused, upcast }: EventCounts, what: string): string {
  const refusal = refused > 0 ? `, ${paint('red', `${figure(refused)} refused`)}` : '';
  return `${figure(judged)} ${what}${refusal}${upcast > 0 ? `, ${figure(upcast)} upcast` : ''}`;
}

function faultRow({ reason, field, message, events, examples }: ContractFault, stream: string): string[] {
  const places = examples.map((sequence) => `${stream}:${sequence}`).join(' ');
  return [figure(events), terminalText(field || reason), terminalText(message), paint('dim', places)];
}

/** The findings for programs. */
export function storedJson({ contracts }: StoredFindings): object[] {
  return contracts.map(({ contract, stored, waiting, faults, failure }) => {
    const { plugin, file, subject, stream } = contract;
    return { plugin, file, subject, stream, stored, waiting, ...faults, complete: failure === undefined };
  });
}
