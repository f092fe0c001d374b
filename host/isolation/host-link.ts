import { type MaybePromise, then } from '../base/maybe-promise';
import { plainFields, plainText } from '../base/plain-value';
import type { Answer, Asked, HostMessage, LineOrigin, LogMethod, ProcessMessage } from './protocol';
import { TurnMessages } from './turn-messages';
import { decodeError, encodeError } from './wire-error';

type Change = (current: string | undefined) => MaybePromise<string | undefined>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly change: Change | undefined;
}

/** The process's end of the channel to its host. */
export class HostLink {
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  private readonly messages = new TurnMessages<ProcessMessage>((messages, sent) => this.write(messages, sent));

  send(message: ProcessMessage): void {
    this.messages.send(message);
  }

  /** Sends a message that must arrive also if the author's code blocks this process or ends it right after. */
  sendNow(message: ProcessMessage, sent?: () => void): void {
    this.messages.sendNow(message, sent);
  }

  /** The messages can hold values of the author, of which some cannot be written. */
  private write(messages: readonly ProcessMessage[], sent?: () => void): void {
    if (!process.connected) return;
    try {
      process.send!(messages, undefined, undefined, sent);
    } catch {
      for (const message of messages) this.writeAlone(message);
      sent?.();
    }
  }

  /** Writes a message. A request that cannot be written fails, as a call of the host would. */
  private writeAlone(message: ProcessMessage): void {
    try {
      process.send!([message]);
    } catch (thrown) {
      if (message.is === 'request') this.answered({ request: message.request, error: encodeError(thrown) });
      else process.send!([plainFields({}, message)]);
    }
  }

  /** Sends a request to the host, which keeps the store and publishes events. Resolves with the answer. */
  ask(asked: Asked, of: { call?: number; event?: number | undefined }, change?: Change): Promise<unknown> {
    const request = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(request, { resolve, reject, change });
      this.send({ is: 'request', request, ...of, ...asked });
    });
  }

  answered({ request, value, error }: { request: number } & Answer): void {
    const waiting = this.waiting.get(request);
    this.waiting.delete(request);
    if (error) waiting?.reject(decodeError(error));
    else waiting?.resolve(value);
  }

  /** Runs the function of an update on the current text, and sends the result to the host. */
  change({ request, current }: HostMessage & { to: 'change' }): void {
    const fail = (thrown: unknown): void => this.send({ is: 'changed', request, error: encodeError(thrown) });
    try {
      const next = this.waiting.get(request)?.change?.(current);
      void then(next, (text) => this.send({ is: 'changed', request, next: text }));
    } catch (thrown) {
      fail(thrown);
    }
  }

  /** Sends a log line to the host, with plain copies of the author's fields. */
  log(level: LogMethod, message: string, fields: object | undefined, origin: LineOrigin): void {
    const entries: [string, unknown][] = Object.entries(plainFields({}, fields));
    const errors = entries.filter(([, value]) => value instanceof Error);
    const rest = entries.filter(([, value]) => !(value instanceof Error));
    this.sendNow({
      is: 'log',
      ...origin,
      level,
      message: plainText(message),
      fields: {
        rest: Object.fromEntries(rest),
        errors: Object.fromEntries(errors.map(([name, error]) => [name, encodeError(error)])),
      },
    });
  }
}
