import { JetplugError, topFrame, type ErrorReport, type Location } from '../../sdk/internal';
import type { PartedLog } from '../log/log';
import { currentOwner } from '../message/run';
import { isErrorLike, plainError } from '../base/plain-error';
import { LogThrottle } from '../base/log-throttle';
import { placeIn } from '../load/source-place';

/** The faults of a plugin that no event can be blamed for, since the process started. */
export interface PluginFaults {
  /** Uncaught errors and unhandled rejections. */
  readonly lateErrors: number;
  /** How often the plugin has blocked the event loop. */
  readonly blocks: number;
  readonly last?: ErrorReport;
}

export const NO_FAULTS: PluginFaults = { lateErrors: 0, blocks: 0 };

const MESSAGES = {
  thrown: 'an error was thrown and nobody caught it',
  rejected: 'a promise was rejected and nobody handled it',
} as const;

/** The time after which a fault that repeats, such as that of a timer, is logged again. */
const LOG_AGAIN_MS = 60_000;

/** The plugin and the place of the code at fault, as far as they are known. */
interface Culprit extends Partial<Location> {
  readonly plugin?: string | undefined;
  readonly handler?: string | undefined;
}

/** The name of a plugin, and the files that it is made of. */
export interface Suspect {
  readonly name: string;
  readonly sources: { has(file: string): boolean };
}

/** Finds the plugin behind each fault that no event can be blamed for, counts the fault and logs it. */
export class Faults {
  private readonly counted = new Map<string, PluginFaults>();
  private readonly throttle: LogThrottle;

  /** @param plugins all plugins that may run */
  constructor(
    private readonly log: Pick<PartedLog, 'warn' | 'error'>,
    private readonly plugins: () => readonly Suspect[],
    nowMs?: () => number,
  ) {
    this.throttle = new LogThrottle(LOG_AGAIN_MS, nowMs);
  }

  of(plugin: string): PluginFaults {
    return this.counted.get(plugin) ?? NO_FAULTS;
  }

  /** The faults by plugin. The key '' stands for the faults of no known plugin. */
  get counts(): ReadonlyMap<string, PluginFaults> {
    return this.counted;
  }

  /** Reports an error that nobody caught. Call it in the async context in which the error arose. Never throws. */
  uncaught(thrown: unknown, how: keyof typeof MESSAGES): void {
    const isThrownError = isErrorLike(thrown);
    const plain = plainError(thrown);
    const culprit = this.culpritOf(isThrownError ? plain : undefined);
    const what = isThrownError ? `${plain.name}: ${plain.message}` : `${how} ${plain.message}`;
    const code = culprit.plugin === undefined ? 'JP_UNCAUGHT_ERROR' : 'JP_PLUGIN_LATE_ERROR';
    const error = new JetplugError(code, `${nameOf(culprit)}${what}`, { ...culprit, cause: plain });
    const repeats = this.note(culprit, error, 'lateErrors', isThrownError ? plain.name : '');
    if (repeats === undefined) return;
    this.log.error(MESSAGES[how], { ...fieldsOf(culprit, error, repeats), ...(isThrownError && { err: plain }) });
  }

  /**
   * Reports that the event loop is blocked. Call it in the async context of the code that blocks it.
   * @param at the stack of that code
   * @param forMs the time for which the loop has been blocked so far
   * @returns the function to call when the loop is free again
   */
  blocked(at: { readonly stack?: string }, forMs: number): (tookMs: number) => void {
    const culprit = this.culpritOf(at);
    const { plugin } = culprit;
    const what = `the event loop has been busy for ${Math.round(forMs)} ms`;
    const code = plugin === undefined ? 'JP_LOOP_BLOCKED' : 'JP_PLUGIN_BLOCKS';
    const error = new JetplugError(code, `${nameOf(culprit)}${what}`, culprit);
    const repeats = this.note(culprit, error, 'blocks');
    if (repeats === undefined) return () => undefined;
    this.log.error('the event loop is blocked', { ...fieldsOf(culprit, error, repeats), stack: at.stack });
    return (tookMs) => this.log.warn('the event loop is free again', { ...culprit, blockedMs: Math.round(tookMs) });
  }

  /**
   * Finds the plugin by the async context. Without one, takes the first file on the stack that belongs to one plugin
   * only, because several plugins may share a contract.
   */
  private culpritOf(error: { readonly stack?: string } | undefined): Culprit {
    const owner = currentOwner();
    const plugins = this.plugins();
    const having = (file: string): Set<string> =>
      new Set(plugins.filter(({ sources }) => sources.has(file)).map(({ name }) => name));
    const isOwn = owner
      ? (file: string): boolean => having(file).has(owner.plugin)
      : (file: string): boolean => having(file).size === 1;
    const place = placeIn({ has: isOwn }, error);
    if (owner) return { ...owner, ...place };
    if (place) return { plugin: [...having(place.file)][0], ...place };
    return { ...topFrame(error?.stack) };
  }

  /**
   * Counts the fault. Returns the number of similar faults since the last one that was logged; undefined if this fault
   * is not to be logged.
   */
  private note(
    { plugin = '', handler, file, line }: Culprit,
    error: JetplugError,
    kind: 'lateErrors' | 'blocks',
    name = '',
  ): number | undefined {
    const before = this.of(plugin);
    this.counted.set(plugin, { ...before, [kind]: before[kind] + 1, last: error.toJSON() });
    return this.throttle.note([plugin, handler, kind, file === undefined ? name : `${file}:${line}`].join(' '));
  }
}

/** Returns the beginning of the message, such as `badge.award: `; empty if the plugin is not known. */
function nameOf({ plugin, handler }: Culprit): string {
  if (plugin === undefined) return '';
  return handler === undefined ? `${plugin}: ` : `${plugin}.${handler}: `;
}

function fieldsOf(culprit: Culprit, { code, message, hint }: JetplugError, repeats: number): object {
  return { ...culprit, code, error: message, hint, ...(repeats > 0 && { repeats }) };
}
