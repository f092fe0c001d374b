import { EventBus, Logger, type ForEvent, type Publishable, type PublishOptions } from '../../sdk';
import type { EventContract } from '../../sdk/internal';
import { checkFields, subjectOf } from '../effects/publishable';
import { encodePayload } from '../message/codec';
import type { StoreTexts } from '../effects/text-store';
import { isPromise, type MaybePromise } from '../base/maybe-promise';
import { currentCall, type CallLogger } from './child-call';
import type { HostLink } from './host-link';
import type { LineOrigin, LogMethod } from './protocol';

type Change = (current: string | undefined) => MaybePromise<string | undefined>;

/** The texts of the plugin's store, which the host reads and writes. */
export class RemoteTexts implements StoreTexts {
  constructor(private readonly link: HostLink) {}

  async get(key: string, scope: string | undefined): Promise<string | undefined> {
    return (await this.link.ask({ what: 'get', key, scope }, callOf('Store.get'))) as string | undefined;
  }

  async change(
    key: string,
    scope: string | undefined,
    change: Change,
    { what, ...options }: ForEvent & { what: string },
  ): Promise<string | undefined> {
    const of = callFor(what, options.for);
    const asked = { what: 'change', key, scope, as: what } as const;
    return (await this.link.ask(asked, of, change)) as string | undefined;
  }

  async keys(scope: string | undefined): Promise<string[]> {
    return (await this.link.ask({ what: 'keys', scope }, callOf('Store.keys'))) as string[];
  }

  async commit(): Promise<void> {
    await this.link.ask({ what: 'commit' }, callOf('Store.commit'));
  }
}

/** Publishes through the host. Within a call the host queues events and sends them when the handler has returned. */
export class RemoteEventBus extends EventBus {
  constructor(private readonly link: HostLink) {
    super();
  }

  async publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options: PublishOptions = {},
  ): Promise<string> {
    const what = 'EventBus.publish';
    const of = callFor(what, options.for);
    const subject = subjectOf(event);
    const checked = checkFields(event, subject, fields);
    // With a synchronous schema nothing is awaited, so that a handler that does not await `publish` loses no event.
    if (isPromise(checked)) await checked;
    currentCall()?.assertLive(what);
    const { id, timestamp } = options;
    const given = { ...(id !== undefined && { id }), ...(timestamp !== undefined && { timestamp }) };
    const asked = {
      what: 'publish',
      subject,
      fields: encodePayload(subject, fields as object),
      options: given,
    } as const;
    return (await this.link.ask(asked, of)) as string;
  }
}

/** The host's log, under the plugin's name. */
export class RemoteLogger extends Logger implements CallLogger {
  constructor(
    private readonly link: HostLink,
    /** Where the lines are logged. Default: in the call that the caller runs in. */
    private readonly origin?: LineOrigin,
  ) {
    super();
  }

  at(origin: LineOrigin): Logger {
    return new RemoteLogger(this.link, origin);
  }

  debug(message: string, fields?: object): void {
    this.write('debug', message, fields);
  }
  info(message: string, fields?: object): void {
    this.write('info', message, fields);
  }
  warn(message: string, fields?: object): void {
    this.write('warn', message, fields);
  }
  error(message: string, fields?: object): void {
    this.write('error', message, fields);
  }

  private write(level: LogMethod, message: string, fields: object | undefined): void {
    this.link.log(level, message, fields, this.origin ?? { call: currentCall()?.id });
  }
}

/** The call that the caller runs in, if any. @throws JetplugError `JP_RUN_OVER` if that call has ended */
function callOf(what: string): { call?: number } {
  const call = currentCall();
  call?.assertLive(what);
  return call ? { call: call.id } : {};
}

/** The call that the caller runs in, and the index of the event that it acts for. */
function callFor(what: string, event: object | undefined): { call?: number; event?: number } {
  const of = callOf(what);
  const index = currentCall()?.indexOf(event, what);
  return { ...of, ...(index !== undefined && { event: index }) };
}
