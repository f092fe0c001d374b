import { JetplugError } from '../../sdk/internal';
import type { EventCounts } from '../start/event-tally';
import type { JudgedContract } from '../start/judge-stored';
import type { CheckedPlugin } from './check-plugins';
import { withBroker, type CommonFlags } from './common';
import { figure } from './figure';
import { ignoredFromText } from './ignored-from-text';
import { ignoredStarts, type IgnoredStart } from './ignored-starts';
import { faultLines, judgeContracts, judgedJson, type JudgeFlags } from './judged-contracts';
import { errorsOf, paint } from './output';

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
  flags: CommonFlags & JudgeFlags,
): Promise<StoredFindings> {
  return withBroker(flags, async (connection, { config }) => {
    const contracts = await judgeContracts(connection, config, checked, flags);
    const problems = contracts.flatMap((contract) => problemsOf(contract, checked));
    return { contracts, problems, warnings: (await ignoredStarts(connection, checked)).map(startWarning) };
  });
}

function startWarning({ plugin, handler: { name, where }, ignored }: IgnoredStart): JetplugError {
  const message = `${plugin}.${name}: ${ignoredFromText(ignored)}`;
  return new JetplugError('JP_HANDLER_FROM_IGNORED', message, { plugin, ...where });
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
  return contracts.flatMap((judged) => {
    const { plugin, subject, stream } = judged.contract;
    return [
      `${paint('cyan', subject)} in ${stream}, contract of ${plugin}: ${countsText(judged.stored, 'stored')}`,
      ...judged.waiting.map(({ handler, ...counts }) => `  ${plugin}.${handler}: ${countsText(counts, 'waiting')}`),
      ...faultLines(judged, '  '),
    ];
  });
}

function countsText({ judged, refused, upcast }: EventCounts, what: string): string {
  const refusal = refused > 0 ? `, ${paint('red', `${figure(refused)} refused`)}` : '';
  return `${figure(judged)} ${what}${refusal}${upcast > 0 ? `, ${figure(upcast)} upcast` : ''}`;
}

/** The findings for programs. */
export function storedJson({ contracts }: StoredFindings): object[] {
  return contracts.map(judgedJson);
}
