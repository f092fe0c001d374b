import type { BatchContext, EventContext } from '../../sdk';
import type { Envelope } from '../../sdk/internal';
import type { Handler } from '../message/handler';
import { lazyResultError } from '../message/lazy-result';
import { OutcomeKnown } from '../message/outcome';
import { isStale } from '../message/failures/stale-failure';
import { validateStored } from '../message/upcast';
import { errorsIn } from '../base/plain-error';
import { compile } from '../load/compile';
import { FolderProviders } from '../load/folder-providers';
import { handlerOf, instantiate, lifecycleError, type InstantiatedPlugin } from '../load/instantiate';
import { describe, type DescribedPlugin, type HandlerDefinition } from '../load/describe';
import { ChildBatchContext, ChildCall, ChildContext, currentCall, outside, within } from './child-call';
import { RemoteEventBus, RemoteLogger, RemoteTexts } from './child-services';
import { ChildWork } from './child-work';
import type { HostLink } from './host-link';
import type { HostMessage, WireDefinition, WireEvent } from './protocol';
import { decodeError, encodeBatch, encodeError, type WireError, type WireFailure } from './wire-error';
import { systemClock } from '../base/time';
import { traceRequests } from '../base/trace-requests';

/** The plugin of this process. It carries out the host's orders: load, start, call, stop. */
export class ChildPlugin {
  private definition: DescribedPlugin | undefined;
  /** The providers of the plugin's folder, which this process has for itself. */
  private providers: FolderProviders | undefined;
  private plugin: InstantiatedPlugin | undefined;
  /** The functions that call the handlers, by method. */
  private readonly handlers = new Map<string, Handler['invoke']>();
  private readonly calls = new Map<number, ChildCall>();
  private readonly work = new ChildWork();
  /** Whether HTTP requests of handlers get the trace context of their call. */
  private tracesRequests = false;
  private readonly log: RemoteLogger;

  constructor(private readonly link: HostLink) {
    this.log = new RemoteLogger(link);
  }

  receive(message: HostMessage): void {
    switch (message.to) {
      case 'load':
        return this.orFail(() => this.load(message));
      case 'start':
        return this.orFail(() => this.start(message));
      case 'call':
        return void this.call(message);
      case 'after-commit':
        return void this.doWork(message);
      case 'forget':
        return void this.work.take(message.of, message.event);
      case 'abort':
        return this.calls.get(message.call)?.end(decodeError(message.reason));
      case 'answer':
        return this.link.answered(message);
      case 'change':
        return this.link.change(message);
      case 'ping':
        return this.link.send({ is: 'pong', residentBytes: process.memoryUsage.rss() });
      case 'stop':
        return void this.stop();
    }
  }

  private orFail(work: () => void | Promise<void>): void {
    void (async () => work())().catch((error: unknown) => {
      this.link.send({ is: 'failed', errors: errorsIn(error).map((one) => encodeError(one)) });
    });
  }

  private load({ file, modules, plugins }: HostMessage & { to: 'load' }): void {
    const known = new Map(modules);
    this.providers = plugins.providers === undefined ? undefined : FolderProviders.load(plugins.providers, known);
    const compiled = compile({ file }, { texts: known, use: plugins.use, shared: this.providers });
    this.definition = describe(compiled, { plugins: plugins as never });
    this.link.send({
      is: 'loaded',
      definition: onWire(this.definition),
      modules: [...compiled.texts].filter(([path]) => !known.has(path)),
    });
  }

  private async start({ settings }: HostMessage & { to: 'start' }): Promise<void> {
    const services = {
      log: this.log,
      clock: systemClock,
      bus: new RemoteEventBus(this.link),
      openTexts: () => Promise.resolve(new RemoteTexts(this.link)),
    };
    await this.providers?.start({ logger: this.log, clock: systemClock });
    const definition = this.definition!;
    const plugin = (this.plugin = await instantiate(definition, services, settings));
    for (const { method } of definition.handlers) {
      this.handlers.set(
        method,
        handlerOf(plugin, definition, method, (what) => currentCall()?.assertLive(what)),
      );
    }
    this.link.send({ is: 'started' });
  }

  /** Validates the events, calls the handler, and reports the end with the error of all or of some events, if any. */
  private async call({ call: id, method, events, trace }: HostMessage & { to: 'call' }): Promise<void> {
    const { name: pluginName, handlers } = this.definition!;
    const handler = handlers.find((one) => one.method === method)!;
    const isBatch = handler.batch !== undefined;
    const call = new ChildCall(
      id,
      { plugin: pluginName, name: handler.name, where: handler.where, log: this.log },
      events,
      isBatch,
      trace,
    );
    if (trace && !this.tracesRequests) {
      this.tracesRequests = true;
      traceRequests(() => currentCall()?.trace);
    }
    this.calls.set(id, call);
    // The message is sent before the author's code runs. If that code ends the process, the host then knows which calls
    // had begun.
    this.link.sendNow({ is: 'begun', call: id });
    const error = await (isBatch ? this.callBatch(call, handler) : this.callOne(call, handler));
    // The host knows which events of a batch have failed, and orders to forget their functions.
    const work = !error || error.kind === 'batch' ? this.work.keep(call) : [];
    this.ended(call, { ...(error && { error }), ...(work.length > 0 && { work }) });
  }

  /** Runs the functions that a handler has passed to `afterCommit` for an event, and reports the end. */
  private async doWork({ call: id, of, event }: HostMessage & { to: 'after-commit' }): Promise<void> {
    const { call: origin, work } = this.work.take(of, event);
    const call = new ChildCall(id, origin.handler, [], false);
    this.calls.set(id, call);
    this.link.sendNow({ is: 'begun', call: id });
    let error: WireError | undefined;
    try {
      for (const each of work) if (!call.isOver) await outside(() => each(call.signal));
    } catch (thrown) {
      error = errorOf(call, thrown);
    }
    this.ended(call, error && { error });
  }

  private ended(call: ChildCall, result: { error?: WireError; work?: readonly number[] } = {}): void {
    call.end();
    this.calls.delete(call.id);
    this.link.send({ is: 'ended', call: call.id, ...result });
  }

  private async callOne(call: ChildCall, handler: HandlerDefinition): Promise<WireError | undefined> {
    try {
      const [received] = call.received;
      call.events = [await eventOf(received!, handler)];
      call.indexes = [0];
      await within(call, () => this.invoke(call, handler, call.events[0]!, new ChildContext(call, 0)));
      return undefined;
    } catch (thrown) {
      return errorOf(call, thrown);
    }
  }

  private async callBatch(call: ChildCall, handler: HandlerDefinition): Promise<WireError | undefined> {
    const read = await Promise.allSettled(call.received.map((received) => eventOf(received, handler)));
    const valid = read.flatMap((one, index) => (one.status === 'fulfilled' ? [{ event: one.value, index }] : []));
    const failures = read.flatMap((one, index) =>
      one.status === 'rejected' ? [{ index, error: encodeError(one.reason) }] : [],
    );
    call.events = valid.map(({ event }) => event);
    call.indexes = valid.map(({ index }) => index);
    try {
      if (valid.length > 0)
        await within(call, () => this.invoke(call, handler, call.events, new ChildBatchContext(call)));
    } catch (thrown) {
      const error = errorOf(call, thrown);
      if (failures.length === 0) return error;
      failures.push(...failuresOf(error, call.indexes));
    }
    return failures.length > 0 ? encodeBatch(failures) : undefined;
  }

  /**
   * Calls the handler and waits for its end.
   * @throws the handler's error, or `JP_HANDLER_RETURNED_LAZY`
   */
  private async invoke(
    call: ChildCall,
    { method }: HandlerDefinition,
    event: Envelope | readonly Envelope[],
    context: EventContext | BatchContext,
  ): Promise<void> {
    const returned = await this.handlers.get(method)!(event, context);
    const lazy = lazyResultError(call.handler, returned);
    if (lazy) throw lazy;
  }

  private async stop(): Promise<void> {
    let error: WireError | undefined;
    try {
      await this.plugin?.instance.onStop?.();
    } catch (thrown) {
      error = encodeError(lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', this.definition!, thrown));
    }
    try {
      await this.plugin?.release();
    } catch (thrown) {
      error ??= encodeError(thrown);
    }
    await this.providers?.stop(this.log);
    this.link.sendNow({ is: 'stopped', ...(error && { error }) }, () => process.exit(0));
  }
}

/**
 * Validates an event by the contract of its handler.
 * @throws OutcomeKnown for an event that does not fit its contract
 */
async function eventOf(
  { envelope, fields, subject, cloudEvent }: WireEvent,
  { contract }: HandlerDefinition,
): Promise<Envelope> {
  const decoded = { kind: 'decoded', envelope, fields: { ...fields }, hops: 0, subject, cloudEvent } as const;
  const outcome = await validateStored(decoded, contract);
  if (outcome.kind === 'invalid') throw new OutcomeKnown(outcome);
  return outcome.event;
}

/**
 * Encodes the error of a call. An old error of the broker that the author's code throws again counts as the author's
 * own error; see {@link isStale}.
 */
function errorOf({ startedAtMs }: ChildCall, thrown: unknown): WireError {
  const error = encodeError(thrown);
  const isOld = error.kind === 'jetplug' && isStale(thrown, startedAtMs, performance.now());
  return isOld ? { ...error, kind: 'error' } : error;
}

/**
 * Returns the failures of a batch. Each has the event's index among all received events; the handler got only the valid
 * ones.
 */
function failuresOf(error: WireError, indexes: readonly number[]): WireFailure[] {
  if (error.kind !== 'batch') return indexes.map((index) => ({ index, error }));
  return error.failures.map((failure) => ({ index: indexes[failure.index] ?? -1, error: failure.error }));
}

function onWire({
  cls: _cls,
  container: _container,
  settingsSchema: _schema,
  middleware: _middleware,
  ...definition
}: DescribedPlugin): WireDefinition {
  return {
    ...definition,
    sources: [...definition.sources],
    handlers: definition.handlers.map(({ contract: _contract, ...handler }) => handler),
  };
}
