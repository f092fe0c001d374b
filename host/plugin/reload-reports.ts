import type { ErrorCode, JetplugError } from '../../sdk/internal';
import type { PartedLog } from '../log/log';
import type { DurableSpec } from '../broker/durable';
import { Reloads, type ReloadOutcome } from './reloads';

/** Errors of a sound version whose settings its durables cannot be changed to. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_CONSUMER_NOT_UPDATABLE',
  'JP_CONSUMER_FOREIGN',
  'JP_HANDLER_NO_STREAM',
]);

const MESSAGES: Readonly<Record<ReloadOutcome, string>> = {
  loaded: 'a plugin is loaded',
  swapped: 'a plugin has a new version',
  failed: 'a plugin fails',
  refused: 'a plugin’s new version is refused',
  'rolled-back': 'a plugin is rolled back',
  removed: 'a plugin is removed',
};

export interface ReloadReport {
  readonly plugin: string;
  readonly file: string;
  readonly version: string | undefined;
  /** The time at which the reload began, in milliseconds of `performance.now()`. */
  readonly startedMs: number;
}

/** Records the reloads of plugins, and logs them. */
export class ReloadReports {
  readonly reloads = new Reloads();

  constructor(private readonly log: PartedLog) {}

  succeeded(
    outcome: 'loaded' | 'swapped' | 'removed',
    report: ReloadReport,
    handlers: readonly { readonly durable: DurableSpec }[] | undefined,
  ): void {
    const details = this.record(outcome, report);
    this.log.info(MESSAGES[outcome], {
      plugin: report.plugin,
      file: report.file,
      outcome,
      handlers: handlers?.map(({ durable }) => `${durable.subject} → ${durable.durable}`),
      ...details,
    });
  }

  /** @param runsOn whether the previous version continues to run */
  failed(errors: readonly JetplugError[], report: ReloadReport, runsOn: boolean): void {
    const [first] = errors;
    const isRefused = runsOn && first !== undefined && REFUSALS.has(first.code);
    this.record(isRefused ? 'refused' : 'failed', report, first);
    for (const error of errors) this.logError(error, report, runsOn);
  }

  rolledBack(error: JetplugError, report: ReloadReport): void {
    this.record('rolled-back', report, error);
    this.logError(error, report, true);
  }

  /** Records a reload without logging it. */
  record(outcome: ReloadOutcome, { plugin, version, startedMs }: ReloadReport, error?: JetplugError) {
    const tookMs = Math.round(performance.now() - startedMs);
    const details = { tookMs, ...(version !== undefined && { version }) };
    const time = new Date().toISOString();
    this.reloads.note(plugin, { outcome, time, ...details, ...(error && { error: error.toJSON() }) });
    return details;
  }

  private logError(error: JetplugError, report: ReloadReport, runsOn: boolean): void {
    const { code, message, hint, file, line } = error;
    this.log.error(messageOf(code, runsOn), {
      plugin: report.plugin,
      file: file ?? report.file,
      ...(line === undefined ? {} : { line }),
      code,
      error: message,
      hint,
      ...(error.cause === undefined ? {} : { err: error.cause }),
    });
  }
}

function messageOf(code: ErrorCode, runsOn: boolean): string {
  if (code === 'JP_PLUGIN_ROLLED_BACK') return 'a plugin’s new version failed at everything; the one before is back';
  if (!runsOn) return MESSAGES.failed;
  return REFUSALS.has(code)
    ? 'a plugin’s new version is refused; the old one runs on'
    : 'a plugin’s new version fails; the old one runs on';
}
