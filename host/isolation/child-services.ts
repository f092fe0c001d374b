import { EventBus, Logger, type ForEvent, type Publishable, type PublishOptions } from '../../sdk';
import type { EventContract } from '../../sdk/internal';
import { checkFields, subjectOf } from '../effects/publishable';
import { encodePayload } from '../message/codec';
import type { StoreTexts } from '../effects/text-store';
import type { Change } from '../records/write-batch';
import { isPromise } from '../base/maybe-promise';
import { currentCall } from './child-call';
import type { HostLink } from './host-link';

/** A store's texts, which the host keeps. */
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
}

/** Publishes by the host, which queues within a call and sends when its handler has returned. */
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
    // Asked at once where the schema answers at once, so that a handler which forgets to await loses nothing.
    if (isPromise(checked)) await checked;
    currentCall()?.assertLive(what);
    const { id, timestamp } = options;
    const told = { ...(id !== undefined && { id }), ...(timestamp !== undefined && { timestamp }) };
    const asked = {
      what: 'publish',
      subject,
      fields: encodePayload(subject, fields as object),
      options: told,
    } as const;
    return (await this.link.ask(asked, of)) as string;
  }
}

/** The host's log, under the plugin's name. */
export class RemoteLogger extends Logger {
  constructor(private readonly link: HostLink) {
    super();
  }

  debug(message: string, fields?: object): void {
    this.link.log('debug', message, fields);
  }
  info(message: string, fields?: object): void {
    this.link.log('info', message, fields);
  }
  warn(message: string, fields?: object): void {
    this.link.log('warn', message, fields);
  }
  error(message: string, fields?: object): void {
    this.link.log('error', message, fields);
  }
}

/** The call that the caller is in, if it is in one. */
function callOf(what: string): { call?: number } {
  const call = currentCall();
  call?.assertLive(what);
  return call ? { call: call.id } : {};
}

/** The same, and the event that the caller works for. */
function callFor(what: string, event: object | undefined): { call?: number; event?: number } {
  const of = callOf(what);
  const index = currentCall()?.indexOf(event, what);
  return { ...of, ...(index !== undefined && { event: index }) };
}
