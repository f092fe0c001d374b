import type { ForEvent } from '../../sdk';
import { JetplugError } from '../../sdk/internal';
import { isPromise, type MaybePromise } from '../base/maybe-promise';
import { passCommitPoint } from '../message/commit-point';
import { currentRun, currentScope, Run, type Scope } from '../message/run';
import { CHECKPOINT_KEY } from '../records/commits/checkpoint';
import type { PluginLog } from '../records/commits/plugin-log';
import type { KeyValue } from '../records/key-value';
import { escapeKey, unescapeKey } from './store-keys';
import type { StoreTexts } from './text-store';

type Change = (current: string | undefined) => MaybePromise<string | undefined>;

/**
 * A store's texts, in the plugin's commit log. Within a handler, all reads and changes belong to the run: the changes
 * are committed together when the handler has returned.
 */
export class LogTexts implements StoreTexts {
  constructor(
    private readonly log: PluginLog,
    private readonly bucket: KeyValue,
    private readonly nowMs: () => number,
    /** Whether a read outside of a handler first reads what other hosts have committed. */
    private readonly isFresh = false,
  ) {}

  async get(key: string, scope: string | undefined): Promise<string | undefined> {
    const call = currentScope();
    call?.assertLive('Store.get');
    const escaped = escapeKey(key, scope);
    if (!call) {
      if (this.isFresh) await this.log.refresh();
      return (await this.log.get(escaped)) ?? undefined;
    }
    noteRead(call, escaped);
    if (call instanceof Run && call.points?.nextPart) await call.points.nextPart;
    const { transaction } = call;
    const computed = transaction.whenComputed(escaped);
    if (computed) await computed;
    const { transactions } = this.log;
    const waiting = transactions.awaitRoom(transaction) ?? transactions.lock(transaction, escaped);
    if (waiting) await call.paused(waiting);
    const text = transactions.read(transaction, escaped);
    return (isPromise(text) ? await text : text) ?? undefined;
  }

  async change(
    key: string,
    scope: string | undefined,
    change: Change,
    { what, ...options }: ForEvent & { what: string },
  ): Promise<string | undefined> {
    const run = currentRun(what, options.for);
    const escaped = escapeKey(key, scope);
    if (!run) return this.changeOutside(escaped, change);
    run.batch?.writes.noteUse(escaped, run);
    const changeInRun = (): MaybePromise<string | undefined> => this.changeInRun(run, escaped, change, what);
    const { points } = run;
    return points?.nextPart ? run.takesEffectLater(points.nextPart.then(changeInRun)) : changeInRun();
  }

  async keys(scope: string | undefined): Promise<string[]> {
    const call = currentScope();
    call?.assertLive('Store.keys');
    if (!call && this.isFresh) await this.log.refresh();
    if (call instanceof Run && call.points?.nextPart) await call.points.nextPart;
    const keys = new Set(await this.bucket.keys());
    keys.delete(CHECKPOINT_KEY);
    const unfilled = [...this.log.folded.unfilled].map(([key, { text }]) => [key, text] as const);
    const own = call?.hasTransaction ? [...call.transaction.writes] : [];
    for (const [key, text] of [...unfilled, ...own]) {
      if (text === null) keys.delete(key);
      else keys.add(key);
    }
    return [...keys]
      .map(unescapeKey)
      .filter((one) => one.scope === scope)
      .map(({ key }) => key);
  }

  async commit(): Promise<void> {
    const call = currentScope();
    if (!call) return;
    call.assertLive('Store.commit');
    if (call instanceof Run) return passCommitPoint(call);
    const { plugin, name, where } = call.handler;
    throw new JetplugError('JP_BATCH_COMMIT', `${plugin}.${name} called Store.commit`, { plugin, ...where });
  }

  private changeInRun(run: Run, key: string, change: Change, what: string): MaybePromise<string | undefined> {
    const computed = run.transaction.whenComputed(key);
    if (computed) return run.takesEffectLater(computed.then(() => this.changeInRun(run, key, change, what)));
    const next = this.next(run, key, change);
    return isPromise(next) ? this.writeLater(run, key, next, what) : this.write(run, key, next, what);
  }

  /** Waits for room, locks the key, reads its text and computes the next one. */
  private next(run: Run, key: string, change: Change): MaybePromise<string | undefined> {
    const { transactions } = this.log;
    const waiting = transactions.awaitRoom(run.transaction) ?? transactions.lock(run.transaction, key);
    if (waiting) return (run.batch ?? run).paused(waiting).then(() => this.next(run, key, change));
    const current = transactions.read(run.transaction, key);
    return isPromise(current) ? current.then((text) => change(text ?? undefined)) : change(current ?? undefined);
  }

  /** Writes a text that is read first, or whose function is in another process. Other uses of the key wait. */
  private writeLater(
    run: Run,
    key: string,
    next: Promise<string | undefined>,
    what: string,
  ): Promise<string | undefined> {
    const work = next.then((text) => this.write(run, key, text, what));
    const end = work.then(
      () => undefined,
      () => undefined,
    );
    void run.transaction.compute(key, end);
    return work;
  }

  private write(run: Run, key: string, next: string | undefined, what: string): string | undefined {
    run.assertLive(what);
    run.batch?.writes.noteChange(key, run);
    this.log.transactions.write(run.transaction, key, next ?? null);
    return next;
  }

  private async changeOutside(key: string, change: Change): Promise<string | undefined> {
    const origin = { handler: 'code', timeMs: this.nowMs() };
    const next = await this.log.transactions.change(
      key,
      async (current) => (await change(current ?? undefined)) ?? null,
      origin,
    );
    return next ?? undefined;
  }
}

function noteRead(call: Scope, key: string): void {
  if ('writes' in call) (call as unknown as { writes: { noteRead(key: string): void } }).writes.noteRead(key);
}
