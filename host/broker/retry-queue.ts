import { type AllHeaders, headerIn, renameHeaders, type RepeatedHeaders } from './headers';
import { assertReadable } from '../records/record-format';
import { asciiJson } from '../records/ascii-json';
import { WrappedDelivery } from './wrapped-delivery';
import type { DeferredEvent } from './ports';
import type { Delivery, MessageRef, Past } from './delivery';
import type { DurableSpec } from './durable';
import { RETRY_STREAM } from './stream-state';
const PREFIX = 'x-jetplug-';

/** The format of a deferred event. */
const FORMAT = 1;

/** The prefix that is put before the names of an event's own headers that begin with `x-jetplug-`. */
const RENAMED = `${PREFIX}header-`;

/**
 * The maximum number of events in the retry queue of one handler. Each waits as a delivery in flight, nacked with a
 * delay until it is due.
 */
const MAX_DEFERRED = 100_000;

/** Returns the durable of one handler's retry queue. */
export function retryQueueDurable(plugin: string, handler: string, ackWaitMs: number, deployment: string): DurableSpec {
  return {
    stream: RETRY_STREAM,
    durable: `${plugin}--${handler}`,
    subject: `retry.${plugin}.${handler}.>`,
    from: 'beginning',
    ackWaitMs,
    maxAckPending: MAX_DEFERRED,
    owner: { plugin, handler },
    deployment,
  };
}

/**
 * Returns an event as a message of the retry queue. The message's subject identifies the event and its stay in the
 * queue.
 */
export function retryMessage(event: DeferredEvent): { subject: string } & AllHeaders {
  const { plugin, handler, origin, past, subject, dueAtMs, headers, pass } = event;
  const queueSubject = `retry.${plugin}.${handler}.${origin.stream}.${origin.sequence}.${origin.storedAtMs}.${pass}`;
  const control: Record<string, string> = {
    [`${PREFIX}format`]: String(FORMAT),
    [`${PREFIX}subject`]: subject,
    [`${PREFIX}origin`]: JSON.stringify([origin.stream, origin.sequence, origin.storedAtMs]),
    [`${PREFIX}due`]: String(dueAtMs),
    [`${PREFIX}past`]: asciiJson(past),
    ...(headers['Nats-Msg-Id'] === undefined ? {} : { [`${PREFIX}msg-id`]: headers['Nats-Msg-Id'] }),
  };
  const original = renameHeaders(event, (name) => {
    if (/^nats-/i.test(name)) return undefined;
    return name.startsWith(PREFIX) ? `${RENAMED}${name}` : name;
  });
  return { subject: queueSubject, ...original, headers: { ...original.headers, ...control } };
}

/** The facts about a deferred event that the headers of its message in the retry queue hold. */
export interface Deferral {
  readonly subject: string;
  readonly origin: MessageRef;
  readonly past: Past;
  readonly dueAtMs: number;
}

/** @throws JetplugError `JP_RECORD_NEWER` */
export function assertReadableDeferral(headers: Readonly<Record<string, string>>): void {
  const of = headers[`${PREFIX}origin`] ?? '';
  assertReadable(`the deferred event of ${of} in the stream ${RETRY_STREAM}`, headers[`${PREFIX}format`], FORMAT);
}

/**
 * Reads the headers of a message of the retry queue. Throws if another program has published the message.
 * @throws JetplugError `JP_RECORD_NEWER`
 */
export function deferralOf(headers: Readonly<Record<string, string>>): Deferral {
  assertReadableDeferral(headers);
  const control = (name: string): string => headers[`${PREFIX}${name}`] ?? '';
  const [stream, sequence, storedAtMs] = JSON.parse(control('origin')) as [string, number, number];
  const past = JSON.parse(control('past')) as Past;
  return {
    subject: control('subject'),
    origin: { stream, sequence, storedAtMs },
    past,
    dueAtMs: Number(control('due')),
  };
}

/** A delivery from the retry queue that shows the event as it was first published. */
export class RetryDelivery extends WrappedDelivery {
  private readonly original: AllHeaders;
  private readonly of: Deferral;

  constructor(delivery: Delivery) {
    super(delivery);
    const headers = delivery.headers();
    this.of = deferralOf(headers);
    const own = renameHeaders({ headers, repeated: delivery.repeatedHeaders() }, (name) => {
      if (name.startsWith(RENAMED)) return name.slice(RENAMED.length);
      return name.startsWith(PREFIX) || /^nats-/i.test(name) ? undefined : name;
    });
    const messageId = headers[`${PREFIX}msg-id`];
    this.original = messageId === undefined ? own : { ...own, headers: { ...own.headers, 'Nats-Msg-Id': messageId } };
  }

  get dueAtMs(): number {
    return this.of.dueAtMs;
  }
  override get subject(): string {
    return this.of.subject;
  }
  override get origin(): MessageRef {
    return this.of.origin;
  }
  override get past(): Past {
    return this.of.past;
  }
  override header(lowerName: string): string | undefined {
    return headerIn(this.original.headers, lowerName);
  }
  override headers(): Readonly<Record<string, string>> {
    return this.original.headers;
  }
  override repeatedHeaders(): RepeatedHeaders | undefined {
    return this.original.repeated;
  }
}
