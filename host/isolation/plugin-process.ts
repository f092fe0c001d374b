import { isJetplugError, JetplugError } from '../../sdk/internal';
import { isError, showThrown } from '../base/thrown';
import type { PluginDefinition } from '../load/describe';
import type { Execution } from '../message/execution';
import { OutcomeKnown, RELEASED } from '../message/outcome';
import type { Run } from '../message/run';
import { contextHeaders, factsOf } from '../message/run-context';
import { ForkedProcess } from './forked-process';
import { Heartbeat } from './heartbeat';
import { OpenCalls, runsOf, type WorkCall } from './open-calls';
import type { HostMessage, Layers, ProcessMessage, WireEvent, WireModule } from './protocol';
import { RequestServer } from './request-server';
import type { PluginWorker, WorkerCall, WorkerEvents, WorkerOptions, WorkerServices } from './worker';
import { decodeError, encodeError } from './wire-error';
import { writeLine } from './write-line';

/** A process with an overdue call counts as blocked when it has not answered a ping for this long. */
const SILENCE_MS = 1_000;
/** How long a process may take to exit after it has stopped its plugin. */
const EXIT_MS = 2_000;

type RunningProcess = Pick<ForkedProcess, 'gone' | 'kill' | 'log' | 'noteReason' | 'pid' | 'send' | 'start'>;

/** An order to the process, until it is answered. */
interface Order {
  readonly answer: ProcessMessage['is'];
  resolve(answer: ProcessMessage): void;
  reject(error: unknown): void;
}

/** A worker that is a process of its own. */
export class PluginProcess implements PluginWorker {
  residentBytes = 0;
  private readonly child: RunningProcess;
  private readonly calls = new OpenCalls();
  private readonly requests = new RequestServer(this.calls, (message) => this.child.send(message));
  private readonly heartbeat: Heartbeat;
  /** The order that waits for its answer. */
  private ordered: Order | undefined;
  private plugin: Pick<PluginDefinition, 'name' | 'where'> | undefined;
  private endedWith: JetplugError | undefined;

  constructor(
    private readonly options: WorkerOptions,
    private readonly events: WorkerEvents,
    makeProcess: (...args: ConstructorParameters<typeof ForkedProcess>) => RunningProcess = (...args) =>
      new ForkedProcess(...args),
  ) {
    const { limits, log, time } = options;
    this.child = makeProcess(limits, log, time, {
      received: (message) => this.receive(message),
      ended: (why) => this.ended(why),
    });
    this.heartbeat = new Heartbeat(time, () => this.child.send({ to: 'ping' }));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get load(): number {
    return this.calls.size;
  }

  async open(modules: readonly WireModule[], plugins: Layers): Promise<ProcessMessage & { is: 'loaded' }> {
    if (!this.endedWith) this.child.start();
    const { file } = this.options;
    return this.order({ to: 'load', file, modules, plugins }, 'loaded');
  }

  async start(settings: unknown, services: WorkerServices): Promise<void> {
    this.requests.open(services, this.plugin!);
    await this.order({ to: 'start', ...(settings !== undefined && { settings }) }, 'started');
  }

  call(call: WorkerCall): void {
    const id = this.addCall(call);
    const { method, scope } = call;
    const trace = scope.handler.telemetry?.headersOf(scope);
    this.child.send({ to: 'call', call: id, method, events: runsOf(scope).map(onWire), ...(trace && { trace }) });
  }

  check(longestMs: number): void {
    const silentMs = this.heartbeat.silentMs(this.calls.size === 0);
    if (silentMs === 0) return;
    const overdue = this.calls.overdue();
    if (silentMs >= (overdue ? SILENCE_MS : longestMs)) this.kill(blocked(overdue));
  }

  async stop(): Promise<void> {
    if (this.endedWith) return;
    const stopped = await this.order({ to: 'stop' }, 'stopped');
    const timer = this.options.time.after(EXIT_MS, () => this.kill('it did not exit'));
    await this.child.gone;
    timer.cancel();
    if (stopped.error) throw decodeError(stopped.error);
  }

  kill(why: string): void {
    this.child.kill(why);
  }

  private receive(message: ProcessMessage): void {
    try {
      this.handle(message);
    } catch (error) {
      // The message may come from the author's code, which can write to the channel too.
      this.child.log.error('plugin process sent an invalid message; killing it', { err: error });
      this.kill('it sent an invalid message to the host');
    }
  }

  private handle(message: ProcessMessage): void {
    switch (message.is) {
      case 'loaded':
        return this.loaded(message);
      case 'started':
      case 'stopped':
        return this.answered(message);
      case 'failed':
        return this.failed(message);
      case 'begun':
        return this.calls.begin(message.call);
      case 'ended':
        return this.callEnded(message);
      case 'request':
        return void this.requests.serve(message);
      case 'changed':
        return this.requests.changed(message);
      case 'log':
        return writeLine(message, this.child.log, this.calls);
      case 'pong':
        this.residentBytes = message.residentBytes;
        return this.heartbeat.answered();
      case 'dying':
        return this.child.noteReason(`uncaught ${inWords(decodeError(message.error))}`);
    }
  }

  private addCall(call: WorkerCall | WorkCall): number {
    const id = this.calls.add(call);
    const { signal } = call.scope;
    signal.addEventListener('abort', () => this.abort(id, signal.reason), { once: true });
    return id;
  }

  private callEnded({ call, error, work = [] }: ProcessMessage & { is: 'ended' }): void {
    for (const event of work) this.addWork(call, event);
    this.calls.end(call, error && { thrown: decodeError(error) });
  }

  /** Adds the functions of an event, which are in the process, to the after-commit work of the event's run. */
  private addWork(of: number, event: number): void {
    const scope = this.calls.scopeOf(of);
    const drop = (): void => this.child.send({ to: 'forget', of, event });
    if (!scope || scope.isOver) return drop();
    const run = runsOf(scope)[event];
    if (!run) throw new Error(`call ${of} has no event ${event}`);
    run.addWork({ drop, perform: (call) => this.doWork(call, of, event) });
  }

  private doWork(scope: Execution, of: number, event: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.endedWith) return reject(new OutcomeKnown(RELEASED));
      const call = this.addCall({ scope, resolve, reject });
      this.child.send({ to: 'after-commit', call, of, event });
    });
  }

  /** Sends an order and waits for its answer. @throws the errors of an answer `failed`, or the process's end */
  private async order<A extends ProcessMessage['is']>(
    message: HostMessage,
    answer: A,
  ): Promise<ProcessMessage & { is: A }> {
    if (this.endedWith) throw this.endedWith;
    return new Promise<ProcessMessage & { is: A }>((resolve, reject) => {
      this.ordered = { answer, resolve: (message) => resolve(message as ProcessMessage & { is: A }), reject };
      this.child.send(message);
    });
  }

  private loaded(message: ProcessMessage & { is: 'loaded' }): void {
    const { definition } = message;
    const log = this.options.log.child({ plugin: definition.name });
    this.answered(message);
    this.plugin = definition;
    this.child.log = log;
  }

  /** @throws Error if the order that waits has another answer, or none waits */
  private answered(message: ProcessMessage): void {
    const { ordered } = this;
    if (message.is !== ordered?.answer) throw new Error(`no order waits for ${message.is}`);
    this.ordered = undefined;
    ordered.resolve(message);
  }

  private failed({ errors }: ProcessMessage & { is: 'failed' }): void {
    const thrown = errors.map(decodeError);
    this.ordered?.reject(
      thrown.length === 1 ? thrown[0] : new AggregateError(thrown, `${this.options.file} cannot be used`),
    );
    this.ordered = undefined;
  }

  private abort(call: number, reason: unknown): void {
    if (this.calls.has(call)) this.child.send({ to: 'abort', call, reason: encodeError(reason) });
  }

  private ended(why: string): void {
    const { name, where } = this.plugin ?? {};
    const error = new JetplugError('JP_PLUGIN_PROCESS_ENDED', `the plugin process ended: ${why}`, {
      plugin: name,
      ...(where ?? { file: this.options.file }),
    });
    this.endedWith = error;
    const unstarted = this.calls.close(error);
    this.requests.close(error);
    this.ordered?.reject(error);
    this.events.ended(error, unstarted);
  }
}

function onWire(run: Run): WireEvent {
  const { envelope, fields } = run.decoded;
  return { ...factsOf(run), envelope, fields, headers: contextHeaders(run) };
}

function blocked(overdue: Pick<WorkCall, 'scope'> | Pick<WorkerCall, 'scope'> | undefined): string {
  if (!overdue) return 'it was blocked';
  const { name, timeoutMs } = overdue.scope.handler;
  return `it was blocked, with ${name} past its timeout of ${timeoutMs} ms`;
}

/** Describes an error by its code or class, its message and the first frame of its stack. */
function inWords(thrown: unknown): string {
  if (!isError(thrown)) return showThrown(thrown);
  const at = /\n\s+at .*/.exec(thrown.stack ?? '')?.[0].trim();
  return `${isJetplugError(thrown) ? thrown.code : thrown.name}: ${thrown.message}${at === undefined ? '' : ` ${at}`}`;
}
