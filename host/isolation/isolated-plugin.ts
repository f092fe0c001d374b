import { availableParallelism } from 'node:os';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { Limiter } from '../base/limiter';
import type { Time, Timer } from '../base/time';
import type { PluginDefinition } from '../load/describe';
import type { IsolatedPolicy } from '../load/isolation-options';
import type { ModuleText } from '../load/module-graph';
import type { PluginCode, ProcessState } from '../load/plugin-code';
import type { PartedLog } from '../log/log';
import type { Handler } from '../message/handler';
import { currentScope, type Scope } from '../message/run';
import type { Layers, WireModule } from './protocol';
import type { PluginWorker, WorkerCall, WorkerServices } from './worker';
import { WORKERS } from './isolation-backends';

/**
 * The waits before a worker is started again: after its first quick end, after its second and so on. The last wait
 * repeats.
 */
const RESTART_WAITS_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000];
/** A worker that ran for at least this long resets the waits. */
const STABLE_MS = 30_000;
const CHECK_MS = 500;

/**
 * Limits how many workers of isolated plugins start at the same time. More would only slow each other down; a starting
 * worker may wait for something other than a processor, so there are two for each.
 */
export const processStarts = new Limiter(2 * availableParallelism());

export interface IsolatedOptions {
  readonly file: string;
  readonly modules: ReadonlyMap<string, ModuleText>;
  readonly plugins: Layers;
  /**
   * The policy that the plugin's source shows. Once the plugin's definition is known, the limits in it replace these.
   */
  readonly policy: IsolatedPolicy;
  readonly log: PartedLog;
  readonly time: Time;
}

/** One of the plugin's workers, with those that replace it after its end. */
interface Replica {
  /** The worker that runs; undefined between the end of a worker and the start of the next. */
  worker: PluginWorker | undefined;
  isReady: boolean;
  restarts: number;
  /** The number of ends in a row that came soon after a start. */
  quickEnds: number;
  startedAtMs: number;
  lastEnd: JetplugError | undefined;
  timer: Timer | undefined;
}

/**
 * A plugin whose code runs in workers outside of the host. When a worker ends, the calls that had begun in it fail; the
 * others run in another worker or in its replacement, which starts after a growing wait.
 */
export class IsolatedPlugin implements PluginCode {
  private readonly replicas: Replica[] = [];
  /** The calls that wait for a worker. */
  private waiting: WorkerCall[] = [];
  private services: WorkerServices | undefined;
  private settings: unknown;
  private checks: Timer | undefined;
  private stopping = false;
  private readonly modules: Map<string, ModuleText>;
  private known: PluginDefinition | undefined;

  constructor(private readonly options: IsolatedOptions) {
    this.modules = new Map(options.modules);
  }

  /**
   * Loads the plugin in its first worker, and describes it. Must be called before any other method.
   * @throws JetplugError, or an AggregateError of several
   */
  async load(): Promise<void> {
    const { definition, modules } = await this.open(this.addReplica());
    for (const [path, text] of modules) this.modules.set(path, text);
    const handlers = definition.handlers.map((handler) => ({ ...handler, contract: undefined }));
    this.known = { ...definition, sources: new Map(definition.sources), handlers };
  }

  get definition(): PluginDefinition {
    return this.known!;
  }

  get processes(): readonly ProcessState[] {
    return this.replicas.map(({ worker, isReady, restarts, lastEnd }) => ({
      state: isReady ? 'running' : worker ? 'starting' : 'waiting',
      ...(worker?.pid !== undefined && { pid: worker.pid }),
      restarts,
      ...(lastEnd && { lastEnd: lastEnd.message }),
      ...(worker && worker.residentBytes > 0 && { residentBytes: worker.residentBytes }),
    }));
  }

  /** Builds and starts the plugin in each of its workers. @throws JetplugError */
  async start(settings: unknown, services: WorkerServices): Promise<void> {
    // The start of the plugin may have been abandoned in the meantime.
    if (this.stopping) throw this.endedByHost();
    this.settings = settings;
    this.services = services;
    const [first] = this.replicas;
    const others = Array.from({ length: this.definition.isolation.processes - 1 }, () => this.addReplica());
    const starts = others.map((replica) => this.open(replica).then(() => this.startIn(replica)));
    await Promise.all([this.startIn(first!), ...starts]);
    this.checks = this.options.time.every(CHECK_MS, () => this.check());
  }

  handler(method: string): Handler['invoke'] {
    return () => this.call(method, currentScope()!);
  }

  async stop(): Promise<void> {
    this.stopTimers();
    const stops = this.replicas.map(async ({ worker, isReady }) => (isReady ? worker?.stop() : worker?.kill('unused')));
    const ended = await Promise.allSettled(stops);
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  end(): void {
    this.stopTimers();
    for (const { worker } of this.replicas) worker?.kill('it was ended by the host');
  }

  private stopTimers(): void {
    this.stopping = true;
    this.checks?.cancel();
    for (const { timer } of this.replicas) timer?.cancel();
  }

  private call(method: string, scope: Scope): Promise<void> {
    scope.waitToBegin();
    return new Promise((resolve, reject) => this.assign({ method, scope, resolve, reject }));
  }

  /** Sends a call to the ready worker with the fewest calls; without a ready worker the call waits. */
  private assign(call: WorkerCall): void {
    const ready = this.replicas.filter(({ isReady }) => isReady);
    if (ready.length === 0) {
      call.scope.leaveHost();
      return void this.waiting.push(call);
    }
    const least = ready.reduce((a, b) => (b.worker!.load < a.worker!.load ? b : a));
    least.worker!.call(call);
  }

  private addReplica(): Replica {
    const replica: Replica = {
      worker: undefined,
      isReady: false,
      restarts: 0,
      quickEnds: 0,
      startedAtMs: 0,
      lastEnd: undefined,
      timer: undefined,
    };
    this.replicas.push(replica);
    return replica;
  }

  private open(replica: Replica): ReturnType<PluginWorker['open']> {
    const { file, log, time, plugins, policy } = this.options;
    replica.startedAtMs = time.nowMs();
    const worker = WORKERS[policy.isolation](
      { file, limits: this.known?.isolation ?? policy, log, time },
      { ended: (error, unstarted) => this.ended(replica, worker, error, unstarted) },
    );
    replica.worker = worker;
    return worker.open([...this.modules] as WireModule[], plugins);
  }

  private async startIn(replica: Replica): Promise<void> {
    if (!replica.worker) throw replica.lastEnd ?? this.endedByHost();
    await replica.worker.start(this.settings, this.services!);
    replica.isReady = true;
    const waiting = this.waiting.splice(0);
    // A call whose run is over is dropped, because nobody waits for its result.
    for (const call of waiting) if (!call.scope.isOver) this.assign(call);
  }

  private ended(replica: Replica, worker: PluginWorker, error: JetplugError, unstarted: readonly WorkerCall[]): void {
    if (replica.worker !== worker) return;
    const wasReady = replica.isReady;
    replica.worker = undefined;
    replica.isReady = false;
    replica.lastEnd = error;
    for (const call of unstarted) this.assign(call);
    // During the first start the caller of `load` or `start` gets the error.
    if (this.stopping || (!wasReady && replica.restarts === 0)) return;
    this.restartLater(replica, error);
  }

  private restartLater(replica: Replica, error: JetplugError): void {
    const livedMs = this.options.time.nowMs() - replica.startedAtMs;
    replica.quickEnds = livedMs >= STABLE_MS ? 0 : replica.quickEnds + 1;
    const waitMs = RESTART_WAITS_MS[Math.min(Math.max(replica.quickEnds, 1), RESTART_WAITS_MS.length) - 1]!;
    this.log('error', 'plugin process ended; restarting it', { inMs: waitMs, code: error.code, err: error });
    replica.timer = this.options.time.after(waitMs, () => void this.restart(replica));
  }

  private async restart(replica: Replica): Promise<void> {
    replica.restarts++;
    try {
      await processStarts.take(async () => {
        if (this.stopping) return;
        await this.open(replica);
        await this.startIn(replica);
      });
      if (this.stopping) return;
      this.log('info', 'plugin process restarted', { pid: replica.worker?.pid, restarts: replica.restarts });
    } catch (error) {
      if (this.stopping) return;
      // If the worker has ended by itself, `ended` has reported that and restarts it.
      const { worker } = replica;
      if (!worker) return;
      this.log('error', 'plugin process failed to restart; trying again', { err: error });
      worker.kill(isJetplugError(error) ? error.message : String(error));
    }
  }

  private check(): void {
    const longestMs = Math.max(...this.definition.handlers.map(({ timeoutMs }) => timeoutMs));
    for (const { worker, isReady } of this.replicas) if (isReady) worker?.check(longestMs);
  }

  private endedByHost(): JetplugError {
    const { name, where } = this.definition;
    const message = 'the host ended the plugin before it was started';
    return new JetplugError('JP_PLUGIN_PROCESS_ENDED', message, { plugin: name, ...where });
  }

  private log(level: 'info' | 'error', message: string, fields: object): void {
    this.options.log[level](message, { plugin: this.definition.name, ...fields });
  }
}
