import { JetplugError, topFrame, type ErrorReport, type Location } from '../../sdk/internal';
import type { PartedLog } from '../log/log';
import { currentOwner } from '../message/run';
import { isErrorLike, plainError } from '../base/plain-error';
import { LogThrottle } from '../base/log-throttle';
import { placeIn } from '../load/source-place';

/** What a plugin did to the host, beside what its handlers answer for, since the process started. */
export interface PluginFaults {
  /** Errors that nobody caught. */
  readonly lateErrors: number;
  /** How often it has blocked the event loop. */
  readonly blocks: number;
  readonly last?: ErrorReport;
}

export const NO_FAULTS: PluginFaults = { lateErrors: 0, blocks: 0 };

/** How an error came to be nobody's. */
const SAID = {
  thrown: 'an error was thrown and nobody caught it',
  rejected: 'a promise was rejected and nobody handled it',
} as const;

/** A fault that goes on, such as that of a timer, is said again after so long. */
const SAY_AGAIN_MS = 60_000;

/** Whose a running piece of code is, and where it stands, as far as that can be told. */
interface Culprit extends Partial<Location> {
  readonly plugin?: string | undefined;
  readonly handler?: string | undefined;
}

/** The name of a plugin, and the files that it is made of. */
export interface Suspect {
  readonly name: string;
  readonly sources: { has(file: string): boolean };
}

/** Faults that no event can be blamed for: finds whose each is, counts it, and says so in the log. */
export class Faults {
  private readonly counted = new Map<string, PluginFaults>();
  private readonly repeats: LogThrottle;

  /** @param plugins all that may run */
  constructor(
    private readonly log: Pick<PartedLog, 'warn' | 'error'>,
    private readonly plugins: () => readonly Suspect[],
    nowMs?: () => number,
  ) {
    this.repeats = new LogThrottle(SAY_AGAIN_MS, nowMs);
  }

  of(plugin: string): PluginFaults {
    return this.counted.get(plugin) ?? NO_FAULTS;
  }

  /** By plugin; under '' are those that are nobody's. */
  get counts(): ReadonlyMap<string, PluginFaults> {
    return this.counted;
  }

  /** An error that nobody caught, told in the async context in which it arose. Never throws. */
  uncaught(thrown: unknown, how: keyof typeof SAID): void {
    const isThrownError = isErrorLike(thrown);
    const plain = plainError(thrown);
    const culprit = this.culpritOf(isThrownError ? plain : undefined);
    const what = isThrownError ? `${plain.name}: ${plain.message}` : `${how} ${plain.message}`;
    const code = culprit.plugin === undefined ? 'JP_UNCAUGHT_ERROR' : 'JP_PLUGIN_LATE_ERROR';
    const error = new JetplugError(code, `${nameOf(culprit)}${what}`, { ...culprit, cause: plain });
    const repeats = this.note(culprit, error, 'lateErrors', isThrownError ? plain.name : '');
    if (repeats === undefined) return;
    this.log.error(SAID[how], { ...fieldsOf(culprit, error, repeats), ...(isThrownError && { err: plain }) });
  }

  /**
   * Something keeps the event loop busy, told from where it does.
   * @param at its stack
   * @returns to be called when the loop is free again
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

  /** What the plugin began tells best; else what is on the stack, if it is one plugin's alone: contracts are many's. */
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

  /** Counts it; says how many were left out, or nothing where this one is to be left out as well. */
  private note(
    { plugin = '', handler, file, line }: Culprit,
    error: JetplugError,
    kind: 'lateErrors' | 'blocks',
    name = '',
  ): number | undefined {
    const before = this.of(plugin);
    this.counted.set(plugin, { ...before, [kind]: before[kind] + 1, last: error.toJSON() });
    return this.repeats.note([plugin, handler, kind, file === undefined ? name : `${file}:${line}`].join(' '));
  }
}

/** `badge.award: `, as an error begins that is somebody's. */
function nameOf({ plugin, handler }: Culprit): string {
  if (plugin === undefined) return '';
  return handler === undefined ? `${plugin}: ` : `${plugin}.${handler}: `;
}

function fieldsOf(culprit: Culprit, { code, message, hint }: JetplugError, repeats: number): object {
  return { ...culprit, code, error: message, hint, ...(repeats > 0 && { repeats }) };
}
