import { fork, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import type { JetStreamEventBus } from '../effects/event-bus';
import type { StoreTexts } from '../effects/text-store';
import type { PartedLog } from '../log/log';
import { Batch } from '../message/batch';
import { OutcomeKnown } from '../message/outcome';
import { contextHeaders, factsOf, within, type Run, type Scope } from '../message/run';
import { isError, showThrown } from '../base/thrown';
import type { Time } from '../base/time';
import type { PluginDefinition } from '../load/describe';
import type { MemoryLimits } from '../load/isolation-options';
import { Lines } from './lines';
import type { HostMessage, Layers, ProcessMessage, Request, WireEvent, WireModule } from './protocol';
import { decodeError, encodeError } from './wire-error';

/** A call of a handler that a process is to make, or makes. */
export interface Call {
  readonly method: string;
  /** The run, or the batch of them, that it is for. */
  readonly scope: Scope;
  resolve(): void;
  reject(error: unknown): void;
}

/** What the author's code asks of the host. */
export interface Services {
  readonly texts: StoreTexts;
  readonly bus: JetStreamEventBus;
}

/** What a process tells of itself. */
export interface ProcessEvents {
  /** It is gone; these calls had not begun. */
  ended(error: JetplugError, waiting: readonly Call[]): void;
}

/** What it is started with. */
export interface ProcessOptions {
  readonly file: string;
  readonly limits: MemoryLimits;
  readonly log: PartedLog;
  readonly time: Time;
}

interface OpenCall extends Call {
  begun: boolean;
}

const MIB = 1024 * 1024;
/** How long a process with a call whose time is up may be silent before it counts as blocked. */
const SILENCE_MS = 1_000;
/** How often one without calls is asked for its memory, and whether it is there. */
const IDLE_PING_MS = 10_000;
const NODE_CRASH = /^(<--- |FATAL ERROR: )/;
const LAST_WORDS_MS = 100;
/** A process that was told to stop has so long to end after it said that it has stopped. */
const EXIT_MS = 2_000;

/** One process of an isolated plugin, from its start to its end: a stage for the author's code. */
export class PluginProcess {
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  residentBytes = 0;
  private readonly child: ChildProcess;
  private readonly calls = new Map<number, OpenCall>();
  private readonly changes = new Map<number, Waiting<string | undefined>>();
  /** The answer to the last order that takes one. */
  private ordered: Waiting<ProcessMessage> | undefined;
  private services: Services | undefined;
  private lastCall = 0;
  private pingedAtMs = 0;
  /** Since when it owes an answer to a ping. */
  private silentSinceMs: number | undefined;
  /** Why it ends, where that is known before it does. */
  private why: string | undefined;
  private plugin: Pick<PluginDefinition, 'name' | 'where'> | undefined;
  private isGone = false;
  private log: PartedLog;

  constructor(
    private readonly options: ProcessOptions,
    private readonly told: ProcessEvents,
  ) {
    this.log = options.log;
    const { heapLimitBytes, memoryLimitBytes } = options.limits;
    this.child = fork(join(__dirname, 'child-main.js'), [String(memoryLimitBytes)], {
      execArgv: [`--max-old-space-size=${Math.max(1, Math.floor(heapLimitBytes / MIB))}`],
      // The fourth is the guard's: it closes when this process ends, in whatever way.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
      env: withoutCredentials(process.env),
      serialization: 'json',
      // Ctrl-C on the terminal is for the host, which lets it finish first.
      detached: true,
    });
    this.gone = new Promise((resolve) => {
      this.child.once('error', (error) => this.end(`it could not be started: ${error.message}`, resolve));
      this.child.once('exit', (code, signal) => {
        const end = (): void => this.end(signal ?? `exit code ${code}`, resolve);
        // What it said last may be why. Its own children may keep the pipes open for longer.
        this.child.once('close', end);
        options.time.after(LAST_WORDS_MS, end);
      });
    });
    this.child.once('spawn', () => this.yieldToHost());
    this.child.on('message', (message) => this.receive(message as ProcessMessage));
    this.follow();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** How many calls it has. */
  get load(): number {
    return this.calls.size;
  }

  /** @throws JetplugError, or an AggregateError of several, when the plugin cannot be loaded */
  async open(modules: readonly WireModule[], plugins: Layers): Promise<ProcessMessage & { is: 'loaded' }> {
    const { file } = this.options;
    const loaded = await this.order({ to: 'load', file, modules, plugins }, 'loaded');
    this.plugin = loaded.definition;
    this.log = this.log.child({ plugin: loaded.definition.name });
    return loaded;
  }

  /** @throws JetplugError when the plugin cannot be built or started */
  async start(settings: unknown, services: Services): Promise<void> {
    this.services = services;
    await this.order({ to: 'start', ...(settings !== undefined && { settings }) }, 'started');
  }

  call(call: Call): void {
    const id = ++this.lastCall;
    const { scope, method } = call;
    this.calls.set(id, { ...call, begun: false });
    const { signal } = scope;
    signal.addEventListener('abort', () => this.abort(id, signal.reason), { once: true });
    this.send({ to: 'call', call: id, method, events: runsOf(scope).map(onWire) });
  }

  /** Ends it if it is silent for so long, or has a call past its timeout and is silent. Called now and then. */
  look(longestMs: number): void {
    const nowMs = this.options.time.nowMs();
    if (this.silentSinceMs === undefined) {
      if (this.calls.size === 0 && nowMs - this.pingedAtMs < IDLE_PING_MS) return;
      this.pingedAtMs = this.silentSinceMs = nowMs;
      this.send({ to: 'ping' });
      return;
    }
    const silentMs = nowMs - this.silentSinceMs;
    const late = [...this.calls.values()].find(({ scope }) => scope.isOver);
    if (silentMs >= (late ? SILENCE_MS : longestMs)) this.kill(blocked(late));
  }

  /** Stops the plugin, and ends. @throws JetplugError when the plugin did not stop cleanly */
  async stop(): Promise<void> {
    if (this.isGone) return;
    const stopped = await this.order({ to: 'stop' }, 'stopped');
    const timer = this.options.time.after(EXIT_MS, () => this.kill('it did not end'));
    await this.gone;
    timer.cancel();
    if (stopped.error) throw decodeError(stopped.error);
  }

  kill(why: string): void {
    this.why ??= why;
    this.child.kill('SIGKILL');
  }

  private receive(message: ProcessMessage): void {
    try {
      this.take(message);
    } catch (error) {
      // The author's code can write to the channel too.
      this.log.error('the process of a plugin said what makes no sense; it is ended', { err: error });
      this.kill('it said to the host what makes no sense');
    }
  }

  private take(message: ProcessMessage): void {
    switch (message.is) {
      case 'loaded':
      case 'started':
      case 'stopped':
      case 'failed':
        this.ordered?.resolve(message);
        return;
      case 'begun': {
        const call = this.calls.get(message.call);
        if (!call) return;
        call.begun = true;
        // Its time runs from here on, not while it waited for the process.
        call.scope.begin();
        return;
      }
      case 'ended': {
        const call = this.calls.get(message.call);
        this.calls.delete(message.call);
        if (message.error) call?.reject(decodeError(message.error));
        else call?.resolve();
        return;
      }
      case 'request':
        void this.serve(message);
        return;
      case 'changed': {
        const waiting = this.changes.get(message.request);
        this.changes.delete(message.request);
        if (message.error) waiting?.reject(decodeError(message.error));
        else waiting?.resolve(message.next);
        return;
      }
      case 'log': {
        const { level, message: text, fields } = message;
        const errors = Object.entries(fields.errors).map(([name, error]): [string, unknown] => [
          name,
          decodeError(error),
        ]);
        this.log[level](text, { ...fields.rest, ...Object.fromEntries(errors) });
        return;
      }
      case 'pong':
        this.silentSinceMs = undefined;
        this.residentBytes = message.residentBytes;
        return;
      case 'dying':
        this.why ??= `nothing caught ${said(decodeError(message.error))}`;
    }
  }

  /** What starts and ends again and again, or computes without end, takes the time that others leave. */
  private yieldToHost(): void {
    try {
      setPriority(this.child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch (error) {
      this.log.debug('the process of a plugin keeps the priority of its host', { err: error });
    }
  }

  private order<A extends ProcessMessage['is']>(message: HostMessage, answer: A): Promise<ProcessMessage & { is: A }> {
    return new Promise<ProcessMessage>((resolve, reject) => {
      this.ordered = { resolve, reject };
      if (this.isGone) reject(this.endedError('before it was used'));
      else this.send(message);
    }).then((answered) => {
      if (answered.is === answer) return answered as ProcessMessage & { is: A };
      if (answered.is !== 'failed') throw new Error(`the process answered ${answered.is} for ${answer}`);
      const errors = answered.errors.map(decodeError);
      throw errors.length === 1 ? errors[0] : new AggregateError(errors, `${this.options.file} cannot be used`);
    });
  }

  private async serve(request: Request): Promise<void> {
    const answer = { to: 'answer', request: request.request } as const;
    try {
      const value = await this.answerOf(request);
      this.send({ ...answer, value });
    } catch (error) {
      this.send({ ...answer, error: encodeError(error) });
    } finally {
      this.changes.delete(request.request);
    }
  }

  private answerOf(request: Request): Promise<unknown> {
    if (request.call === undefined) return this.perform(request, {});
    const call = this.calls.get(request.call);
    if (!call) throw this.runOver(request.what);
    const { scope } = call;
    const event: object | undefined =
      scope instanceof Batch && request.event !== undefined ? scope.events[request.event] : undefined;
    return within(scope, () => this.perform(request, event === undefined ? {} : { for: event }));
  }

  private async perform(request: Request, options: { for?: object }): Promise<unknown> {
    const { texts, bus } = this.services!;
    switch (request.what) {
      case 'get':
        return texts.get(request.key, request.scope);
      case 'keys':
        return texts.keys(request.scope);
      case 'change':
        return texts.change(request.key, request.scope, (current) => this.change(request.request, current), {
          ...options,
          what: request.as,
        });
      case 'publish':
        return bus.publish(request.subject, JSON.parse(request.fields) as Record<string, unknown>, {
          ...request.options,
          ...options,
        });
    }
  }

  /** The author's function runs where it is. */
  private change(request: number, current: string | undefined): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      if (this.isGone) return reject(this.endedError('with a change under way'));
      this.changes.set(request, { resolve, reject });
      this.send({ to: 'change', request, current });
    });
  }

  private abort(call: number, reason: unknown): void {
    if (this.calls.has(call)) this.send({ to: 'abort', call, reason: encodeError(reason) });
  }

  private send(message: HostMessage): void {
    // What is sent to a process that is about to be gone is answered by its end.
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  private follow(): void {
    const [, stdout, stderr, guard] = this.child.stdio as unknown as (Readable | null)[];
    stdout?.pipe(new Lines((line) => this.log.info(line, { from: 'stdout' })));
    let crashed = false;
    stderr?.pipe(
      new Lines((line) => {
        if (line.includes('heap out of memory')) {
          this.why ??= `its objects met the limit of ${this.mib('heapLimitBytes')}`;
        }
        // What Node says of its own crash is long, and of no use to an operator.
        crashed ||= NODE_CRASH.test(line);
        this.log[crashed ? 'debug' : 'warn'](line, { from: 'stderr' });
      }),
    );
    guard?.on('data', () => (this.why ??= `its memory met the limit of ${this.mib('memoryLimitBytes')}`));
    // A pipe to a process that is gone may fail; its end is told by itself.
    guard?.on('error', () => undefined);
  }

  private mib(limit: keyof MemoryLimits): string {
    return `${Math.round(this.options.limits[limit] / MIB)} MiB`;
  }

  private end(how: string, resolve: () => void): void {
    if (this.isGone) return;
    this.isGone = true;
    const error = this.endedError(how);
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const { reject } of this.changes.values()) reject(error);
    this.changes.clear();
    this.ordered?.reject(error);
    for (const { begun, scope, resolve: leave, reject } of calls) {
      if (scope.isOver) leave();
      else if (begun) reject(new OutcomeKnown({ kind: 'died', error }));
    }
    this.told.ended(
      error,
      calls.filter(({ begun, scope }) => !begun && !scope.isOver),
    );
    resolve();
  }

  private endedError(how: string): JetplugError {
    const why = this.why === undefined ? how : `${this.why} (${how})`;
    const { name, where } = this.plugin ?? {};
    return new JetplugError('JP_PLUGIN_PROCESS_ENDED', `the process of the plugin ended: ${why}`, {
      plugin: name,
      ...(where ?? { file: this.options.file }),
    });
  }

  private runOver(what: string): JetplugError {
    const { name, where } = this.plugin!;
    return new JetplugError('JP_RUN_OVER', `${what} was called after its run had ended`, { plugin: name, ...where });
  }
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

function runsOf(scope: Scope): readonly Run[] {
  return scope instanceof Batch ? scope.runs : [scope as Run];
}

function onWire(run: Run): WireEvent {
  const { envelope, fields } = run.decoded;
  return { ...factsOf(run), envelope, fields, headers: contextHeaders(run) };
}

function blocked(late: Call | undefined): string {
  if (!late) return 'it was blocked';
  const { name, timeoutMs } = late.scope.handler;
  return `it was blocked, with ${name} past its timeout of ${timeoutMs} ms`;
}

function said(thrown: unknown): string {
  if (!isError(thrown)) return showThrown(thrown);
  const at = /\n\s+at .*/.exec(thrown.stack ?? '')?.[0].trim();
  return `${isJetplugError(thrown) ? thrown.code : thrown.name}: ${thrown.message}${at === undefined ? '' : ` ${at}`}`;
}

/** What opens the server is the host's alone. */
function withoutCredentials(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(JETPLUG_NATS_|NODE_OPTIONS$)/.test(name)));
}
