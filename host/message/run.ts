import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventContext, Logger } from '../../sdk';
import { JetplugError } from '../../sdk/internal';
import type { Author } from '../effects/write-batch';
import { isPromise, type MaybePromise } from '../maybe-promise';
import type { Decoded } from './decode';
import type { AppliedUpdate, Delivery } from './delivery';
import type { Handler } from './handler';
import type { OutgoingEvent } from './ports';
import type { Outcome } from './outcome';

/** One try of one handler at one delivery. */
export class Run {
  readonly startedAtMs = performance.now();
  /** What the handler published, in order; sent when it has returned. */
  readonly outbox: OutgoingEvent[] = [];
  /** How many events it has published on each subject. */
  readonly ordinals = new Map<string, number>();
  /** What it has applied to stores. */
  readonly applied: AppliedUpdate[] = [];
  private readonly updates = new Map<string, number>();
  /** Set while the handler has not returned: ends the run from outside, for a timeout or a stop. */
  interrupt: ((outcome: Outcome) => void) | undefined;
  private over = false;
  private controller: AbortController | undefined;
  private abortReason: unknown;

  constructor(
    readonly handler: Handler,
    readonly delivery: Delivery,
    readonly attempt: number,
    readonly decoded: Decoded,
    private readonly appliedEarlier: readonly AppliedUpdate[] = [],
  ) {}

  /** Made only for a handler that asks: an AbortController for every message would cost half the throughput. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.over) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** What an earlier run of the event left at this update, before the event came by the retry road. */
  appliedBefore(key: string): AppliedUpdate | undefined {
    if (!this.delivery.past) return undefined;
    const ordinal = this.updates.get(key) ?? 0;
    const before = this.appliedEarlier.find((update) => update[0] === key && update[1] === ordinal);
    if (before) this.updates.set(key, ordinal + 1);
    return before;
  }

  /** As which event's how-manieth update of a key the next one is marked. */
  authorOf(key: string): Author {
    const ordinal = this.updates.get(key) ?? 0;
    this.updates.set(key, ordinal + 1);
    const { settlements, texts } = this.handler;
    return { settlements, texts, sequence: this.delivery.sequence, ordinal };
  }

  get isOver(): boolean {
    return this.over;
  }

  /** The work's result; or, where the run is ended from outside before, the outcome it is ended with. */
  interruptible<T>(work: MaybePromise<T>): MaybePromise<T | Outcome> {
    if (!isPromise(work)) return work;
    return new Promise((resolve, reject) => {
      this.interrupt = (outcome) => {
        this.end('error' in outcome ? outcome.error : new Error('the host is stopping'));
        resolve(outcome);
      };
      work.then((result) => {
        this.interrupt = undefined;
        resolve(result);
      }, reject);
    });
  }

  /** From here on the run's store and bus refuse: nobody waits for what they would do. */
  end(reason?: unknown): void {
    this.over = true;
    this.interrupt = undefined;
    this.abortReason = reason;
    if (reason !== undefined) this.controller?.abort(reason);
  }

  /** @throws JetplugError `JP_RUN_OVER` when the run has ended */
  assertLive(what: string): void {
    if (!this.over) return;
    const { plugin, name, where } = this.handler;
    throw new JetplugError('JP_RUN_OVER', `${what} was called after the run of ${plugin}.${name} had ended`, {
      plugin,
      ...where,
    });
  }
}

const current = new AsyncLocalStorage<Run>();

/** The run in whose handler the caller is, if it is in one. */
export function currentRun(): Run | undefined {
  return current.getStore();
}

export function within<T>(run: Run, body: () => T): T {
  return current.run(run, body);
}

/** What the handler gets as its second parameter; a class, so that what is not asked for is not made. */
export class RunContext implements EventContext {
  private logger: Logger | undefined;

  constructor(private readonly run: Run) {}

  get attempt(): number {
    return this.run.attempt;
  }
  get subject(): string {
    return this.run.delivery.subject;
  }
  get stream(): string {
    return this.run.delivery.origin.stream;
  }
  get sequence(): number {
    return this.run.delivery.origin.sequence;
  }
  get time(): Date {
    return new Date(this.run.delivery.origin.storedAtMs);
  }
  get headers(): Readonly<Record<string, string>> {
    return this.run.decoded.headers;
  }
  get signal(): AbortSignal {
    return this.run.signal;
  }
  get log(): Logger {
    return (this.logger ??= new RunLogger(this.run));
  }
}

/** The plugin's log with the delivery's coordinates on each line. */
class RunLogger implements Logger {
  constructor(private readonly run: Run) {}

  debug(message: string, fields?: object): void {
    this.run.handler.log.debug(message, this.add(fields));
  }
  info(message: string, fields?: object): void {
    this.run.handler.log.info(message, this.add(fields));
  }
  warn(message: string, fields?: object): void {
    this.run.handler.log.warn(message, this.add(fields));
  }
  error(message: string, fields?: object): void {
    this.run.handler.log.error(message, this.add(fields));
  }

  private add(fields: object | undefined): object {
    const { handler, delivery, attempt } = this.run;
    return { handler: handler.name, subject: delivery.subject, sequence: delivery.sequence, attempt, ...fields };
  }
}
