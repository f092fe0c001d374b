import { JetplugError } from '../../sdk/internal';
import type { PluginDefinition } from '../load/describe';
import { Batch } from '../message/batch';
import { within } from '../message/run';
import type { OpenCalls } from './open-calls';
import type { HostMessage, ProcessMessage, Request } from './protocol';
import type { WorkerServices } from './worker';
import { decodeError, encodeError } from './wire-error';

interface Waiting {
  resolve(value: string | undefined): void;
  reject(error: unknown): void;
}

/** Answers the requests of a plugin's code in a worker, because the plugin's store and event bus are the host's. */
export class RequestServer {
  private services: WorkerServices | undefined;
  private plugin: Pick<PluginDefinition, 'name' | 'where'> | undefined;
  /** The store updates that wait for the result of the plugin's function, by request. */
  private readonly changes = new Map<number, Waiting>();
  private closed: JetplugError | undefined;

  constructor(
    private readonly calls: OpenCalls,
    private readonly send: (message: HostMessage) => void,
  ) {}

  /** Sets the services, before the plugin's code starts. */
  open(services: WorkerServices, plugin: Pick<PluginDefinition, 'name' | 'where'>): void {
    this.services = services;
    this.plugin = plugin;
  }

  /** Answers a request. Never rejects. */
  async serve(request: Request): Promise<void> {
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

  /** Takes the result of the plugin's function that updates a text. */
  changed({ request, next, error }: ProcessMessage & { is: 'changed' }): void {
    const waiting = this.changes.get(request);
    this.changes.delete(request);
    if (error) waiting?.reject(decodeError(error));
    else waiting?.resolve(next);
  }

  /** Fails the updates that wait for the worker, and all later ones, when the worker has ended. */
  close(error: JetplugError): void {
    this.closed = error;
    for (const { reject } of this.changes.values()) reject(error);
    this.changes.clear();
  }

  private answerOf(request: Request): Promise<unknown> {
    if (request.call === undefined) return this.perform(request, {});
    const scope = this.calls.scopeOf(request.call);
    if (!scope) throw this.runOver(request.what);
    const event: object | undefined =
      scope instanceof Batch && request.event !== undefined ? scope.events[request.event] : undefined;
    return within(scope, () => this.perform(request, event === undefined ? {} : { for: event }));
  }

  private runOver(what: string): JetplugError {
    const { name, where } = this.plugin!;
    return new JetplugError('JP_RUN_OVER', `${what} was called after its run had ended`, { plugin: name, ...where });
  }

  private async perform(request: Request, options: { for?: object }): Promise<unknown> {
    const { texts, bus } = this.services!;
    switch (request.what) {
      case 'get':
        return texts.get(request.key, request.scope);
      case 'keys':
        return texts.keys(request.scope);
      case 'commit':
        return texts.commit();
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

  /** Runs the plugin's function in the worker, on the current text. */
  private change(request: number, current: string | undefined): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(this.closed);
      this.changes.set(request, { resolve, reject });
      this.send({ to: 'change', request, current });
    });
  }
}
