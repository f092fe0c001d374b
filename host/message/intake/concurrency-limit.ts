import type { Limiter } from '../../base/limiter';
import type { HostConcurrency } from './host-concurrency';
import { VersionRuns } from './version-runs';

/** The largest number of events that wait for their commit. More would only make a conflict more costly. */
const MAX_COMMITTING = 2_000;

/** Permits for a handler's events to run: as many as its concurrency, or one that excludes all others. */
export class ConcurrencyLimit {
  private runs = new VersionRuns();
  private active = 0;
  /** The number of active events whose call has returned and waits for its commit. */
  private committing = 0;
  /** Active events that wait to run again until fewer run. */
  private readonly waitingAgain: (() => void)[] = [];
  /** The number of active events that wait until nothing else runs. */
  private waitingAlone = 0;
  private isAlone = false;
  private whenAlone: (() => void) | undefined;
  private whenIdle: (() => void) | undefined;
  private stopping = false;
  private readonly stopped: Promise<void>;
  private resolveStopped!: () => void;
  /** The handler's place among those that wait for a permit of the host. */
  private readonly turn = { resume: () => this.resume() };

  /**
   * @param suspects lets one event of the whole host run alone at a time
   * @param onFree called when an event that ran alone has ended, or when the host has a permit again
   * @param host the permits of the host, which each call needs too. Default: as many as the handlers have
   */
  constructor(
    private concurrency: number,
    private readonly suspects: Limiter,
    private readonly onFree: () => void,
    private readonly host?: HostConcurrency,
  ) {
    this.stopped = new Promise((resolve) => (this.resolveStopped = resolve));
  }

  get running(): number {
    return this.active;
  }

  get isFree(): boolean {
    return this.isFreeInHandler && (this.host === undefined || this.host.isFreeFor(this.turn));
  }

  /** Notes that an event is ready, so that the handler gets a turn if only the host has no permit for it. */
  waitForHost(): void {
    if (this.isFreeInHandler) this.host?.wait(this.turn);
  }

  /** Notes that a call has returned and waits for its commit, or until its events are sent. Another event may run meanwhile. */
  beginCommit(): void {
    this.committing++;
    this.leaveHost();
    this.startWaiting();
    this.onFree();
  }

  endCommit(): void {
    this.committing--;
    this.enterHost();
  }

  /** Notes that an active event needs no permit of the host, because it waits for something else. */
  leaveHost(): void {
    this.host?.free();
  }

  /** Ends {@link leaveHost}. The event continues at once, even if the host has no permit. */
  enterHost(): void {
    this.host?.take(this.turn);
  }

  /** Waits until an active event may run again. Undefined if it may run now. */
  whenFree(): Promise<void> | undefined {
    if (this.calling - this.waitingAlone <= this.concurrency && !this.host?.isOver) return undefined;
    const free = new Promise<void>((resolve) => this.waitingAgain.push(resolve));
    this.leaveHost();
    this.startWaiting();
    return free;
  }

  /** Takes a permit. Pass the result to {@link free}. */
  take(): VersionRuns {
    this.active++;
    this.host?.take(this.turn);
    this.runs.begin();
    return this.runs;
  }

  free(runs: VersionRuns): void {
    this.active--;
    runs.end();
    this.leaveHost();
    this.startWaiting();
    this.notifyAlone();
    if (this.stopping && this.active === 0) this.whenIdle?.();
  }

  /** Starts a new version of the handler. Resolves when all runs of the previous version have ended. */
  renew(concurrency: number): Promise<void> {
    const before = this.runs;
    this.runs = new VersionRuns();
    this.concurrency = concurrency;
    return before.ended();
  }

  /**
   * Waits until nothing else of the handler runs and nothing else of the host runs alone. The caller is an event that
   * has a permit; it runs alone until it calls the returned function. Resolves with undefined if the host stops first.
   */
  async alone(): Promise<(() => void) | undefined> {
    this.waitingAlone++;
    this.leaveHost();
    this.notifyAlone();
    const turn = this.suspects.acquire();
    const release = await Promise.race([turn, this.stopped]);
    if (!release) {
      this.endWaitAlone();
      void turn.then((releaseLate) => releaseLate());
      return undefined;
    }
    this.isAlone = true;
    if (this.active > this.waitingAlone) await new Promise<void>((resolve) => (this.whenAlone = resolve));
    this.whenAlone = undefined;
    this.endWaitAlone();
    const end = this.endAlone(release);
    if (!this.stopping) return end;
    end();
    return undefined;
  }

  /** Ends all waits to run alone. */
  stop(): void {
    this.stopping = true;
    this.resolveStopped();
    this.whenAlone?.();
  }

  /** Resolves when nothing runs; call it after {@link stop}. */
  async idle(): Promise<void> {
    if (this.active > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  /**
   * Returns the function that ends a turn alone. It may be called twice: after the handler returned, and after the
   * event is settled.
   */
  private endAlone(release: () => void): () => void {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.isAlone = false;
      release();
      this.onFree();
    };
  }

  /** The number of active events that wait neither for their commit nor to start again. */
  private get calling(): number {
    return this.active - this.committing - this.waitingAgain.length;
  }

  private get isFreeInHandler(): boolean {
    const { calling, waitingAgain } = this;
    return calling + waitingAgain.length < this.concurrency && !this.isAlone && this.committing < MAX_COMMITTING;
  }

  private endWaitAlone(): void {
    this.waitingAlone--;
    this.enterHost();
  }

  private resume(): void {
    this.startWaiting();
    this.onFree();
  }

  private startWaiting(): void {
    while (this.calling - this.waitingAlone < this.concurrency && this.waitingAgain.length > 0) {
      if (this.host && !this.host.isFreeFor(this.turn)) return this.host.wait(this.turn);
      this.enterHost();
      this.waitingAgain.shift()!();
    }
  }

  private notifyAlone(): void {
    if (this.active === this.waitingAlone) this.whenAlone?.();
  }
}
