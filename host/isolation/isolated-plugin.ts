import type { Handler } from '../message/handler';
import { currentScope, type Scope } from '../message/run';
import type { PartedLog } from '../log/log';
import type { PluginDefinition } from '../load/describe';
import type { MemoryLimits } from '../load/isolation-options';
import type { PluginCode, ProcessState } from '../load/plugin-code';
import type { Time, Timer } from '../base/time';
import { availableParallelism } from 'node:os';
import { Limiter } from '../base/limiter';
import { PluginProcess, type Call, type Services } from './plugin-process';
import type { Layers, WireModule } from './protocol';
import { isJetplugError, type JetplugError } from '../../sdk/internal';
import type { ModuleText } from '../load/module-graph';

/** The waits before a process is started again: after its first end, the second and so on. */
const RESTART_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000];
/** A process that has run for so long begins anew with the first wait. */
const SOUND_MS = 30_000;
/** How often its processes are looked at. */
const LOOK_MS = 500;

/**
 * Limits how many processes of isolated plugins start at the same time. More would only slow each other down; some of
 * them may wait for something else than a processor.
 */
export const processStarts = new Limiter(2 * availableParallelism());

/** What an isolated plugin needs of its host. */
export interface IsolatedOptions {
  readonly file: string;
  readonly modules: ReadonlyMap<string, ModuleText>;
  readonly plugins: Layers;
  /** As far as they can be told before its definition is known. */
  readonly limits: MemoryLimits;
  readonly log: PartedLog;
  readonly time: Time;
}

/** A process and its successors. */
interface Place {
  process: PluginProcess | undefined;
  isReady: boolean;
  restarts: number;
  /** How often in a row it ended soon. */
  soon: number;
  startedAtMs: number;
  lastEnd: string | undefined;
  timer: Timer | undefined;
}

/**
 * A plugin whose code runs in processes of its own. A process that ends takes with it what it was at; what had
 * not begun there begins in another, or in its successor, which is started after a wait that grows.
 */
export class IsolatedPlugin implements PluginCode {
  private readonly places: Place[] = [];
  private waiting: Call[] = [];
  private services: Services | undefined;
  private settings: unknown;
  private watch: Timer | undefined;
  private stopping = false;
  private readonly modules: Map<string, ModuleText>;
  private known: PluginDefinition | undefined;

  constructor(private readonly options: IsolatedOptions) {
    this.modules = new Map(options.modules);
  }

  /**
   * Loads the plugin in a process of its own, and describes it; before anything else.
   * @throws JetplugError, or an AggregateError of several
   */
  async load(): Promise<void> {
    const { definition, modules } = await this.open(this.addPlace());
    for (const [path, text] of modules) this.modules.set(path, text);
    this.known = { ...definition, sources: new Map(definition.sources), handlers: definition.handlers.map(whole) };
  }

  get definition(): PluginDefinition {
    return this.known!;
  }

  get processes(): readonly ProcessState[] {
    return this.places.map(({ process, isReady, restarts, lastEnd }) => ({
      state: isReady ? 'running' : process ? 'starting' : 'waiting',
      ...(process?.pid !== undefined && { pid: process.pid }),
      restarts,
      ...(lastEnd !== undefined && { lastEnd }),
      ...(process && process.residentBytes > 0 && { residentBytes: process.residentBytes }),
    }));
  }

  /** Builds and starts the plugin in each of its processes. @throws JetplugError */
  async start(settings: unknown, services: Services): Promise<void> {
    this.settings = settings;
    this.services = services;
    const { processes } = this.definition.isolation;
    const [first] = this.places;
    const others = Array.from({ length: processes - 1 }, () => this.addPlace());
    await Promise.all([this.ready(first!), ...others.map((place) => this.open(place).then(() => this.ready(place)))]);
    this.watch = this.options.time.every(LOOK_MS, () => this.look());
  }

  handler(method: string): Handler['invoke'] {
    return () => this.call(method, currentScope()!);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.watch?.cancel();
    for (const { timer } of this.places) timer?.cancel();
    const stops = this.places.map(async ({ process, isReady }) =>
      isReady ? process?.stop() : process?.kill('unused'),
    );
    const ended = await Promise.allSettled(stops);
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  end(): void {
    this.stopping = true;
    this.watch?.cancel();
    for (const { process, timer } of this.places) {
      timer?.cancel();
      process?.kill('it was ended by the host');
    }
  }

  private call(method: string, scope: Scope): Promise<void> {
    scope.waitToBegin();
    return new Promise((resolve, reject) => this.give({ method, scope, resolve, reject }));
  }

  /** To the process with the least to do; where none is there, it waits for one. */
  private give(call: Call): void {
    const ready = this.places.filter(({ isReady }) => isReady);
    if (ready.length === 0) return void this.waiting.push(call);
    const least = ready.reduce((a, b) => (b.process!.load < a.process!.load ? b : a));
    least.process!.call(call);
  }

  private addPlace(): Place {
    const place: Place = {
      process: undefined,
      isReady: false,
      restarts: 0,
      soon: 0,
      startedAtMs: 0,
      lastEnd: undefined,
      timer: undefined,
    };
    this.places.push(place);
    return place;
  }

  private open(place: Place): ReturnType<PluginProcess['open']> {
    const { file, log, time, plugins, limits } = this.options;
    place.startedAtMs = time.nowMs();
    const process = new PluginProcess(
      { file, limits: this.known?.isolation ?? limits, log, time },
      { ended: (error, waiting) => this.ended(place, process, error, waiting) },
    );
    place.process = process;
    return process.open([...this.modules] as WireModule[], plugins);
  }

  private async ready(place: Place): Promise<void> {
    await place.process!.start(this.settings, this.services!);
    place.isReady = true;
    const waiting = this.waiting.splice(0);
    // Given back meanwhile: nobody waits for it any more.
    for (const call of waiting) if (!call.scope.isOver) this.give(call);
  }

  private ended(place: Place, process: PluginProcess, error: JetplugError, waiting: readonly Call[]): void {
    if (place.process !== process) return;
    const wasReady = place.isReady;
    place.process = undefined;
    place.isReady = false;
    place.lastEnd = error.message;
    for (const call of waiting) this.give(call);
    // While it starts for the first time, whoever started it is told.
    if (this.stopping || (!wasReady && place.restarts === 0)) return;
    this.restartLater(place, error);
  }

  private restartLater(place: Place, error: JetplugError): void {
    const livedMs = this.options.time.nowMs() - place.startedAtMs;
    place.soon = livedMs >= SOUND_MS ? 0 : place.soon + 1;
    const waitMs = RESTART_MS[Math.min(Math.max(place.soon, 1), RESTART_MS.length) - 1]!;
    this.log('error', 'the process of a plugin ended; it starts again', { inMs: waitMs, code: error.code, err: error });
    place.timer = this.options.time.after(waitMs, () => void this.restart(place));
  }

  private async restart(place: Place): Promise<void> {
    place.restarts++;
    try {
      await processStarts.take(async () => {
        if (this.stopping) return;
        await this.open(place);
        await this.ready(place);
      });
      if (this.stopping) return;
      this.log('info', 'the process of a plugin runs again', { pid: place.process?.pid, restarts: place.restarts });
    } catch (error) {
      if (this.stopping) return;
      // What ended by itself has been told of already, and is started again from there.
      const { process } = place;
      if (!process) return;
      this.log('error', 'the process of a plugin cannot be started again yet', { err: error });
      process.kill(isJetplugError(error) ? error.message : String(error));
    }
  }

  private look(): void {
    const longestMs = Math.max(...this.definition.handlers.map(({ timeoutMs }) => timeoutMs));
    for (const { process, isReady } of this.places) if (isReady) process?.look(longestMs);
  }

  private log(level: 'info' | 'error', message: string, fields: object): void {
    this.options.log[level](message, { plugin: this.definition.name, ...fields });
  }
}

function whole<H>(handler: H): H & { contract: undefined } {
  return { ...handler, contract: undefined };
}
