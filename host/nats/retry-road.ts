import { asciiJson } from '../effects/ascii-json';
import type { Delivery, MessageRef, Past } from '../message/delivery';
import { headerIn, renameHeaders, type AllHeaders, type RepeatedHeaders } from '../message/headers';
import type { ParkedEvent, RetryRoad } from '../message/ports';
import { WrappedDelivery } from '../message/wrapped-delivery';
import type { Connection } from './connection';
import type { DurableSpec } from './consumers';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { toHeaders } from './publisher';
import { holdsAny } from './streams';
import { RETRY_STREAM } from './wanted-streams';

const TIMEOUT_MS = 5_000;
const PREFIX = 'x-jetplug-';
/** An event's own headers that begin with the prefix. */
const RENAMED = `${PREFIX}header-`;

/** How many may be on a road and not due: each is delivered, and given back until it is. */
const MAX_ON_ROAD = 100_000;

/** The durable of one handler's retry road. */
export function roadDurable(plugin: string, handler: string, ackWaitMs: number, deployment: string): DurableSpec {
  return {
    stream: RETRY_STREAM,
    durable: `${plugin}--${handler}`,
    subject: `retry.${plugin}.${handler}.>`,
    from: 'beginning',
    ackWaitMs,
    maxAckPending: MAX_ON_ROAD,
    owner: { plugin, handler },
    deployment,
  };
}

/** Whether anything lies on a handler's road. */
export async function isOnRoad(connection: Connection, { subject }: Pick<DurableSpec, 'subject'>): Promise<boolean> {
  try {
    return await holdsAny(connection, RETRY_STREAM, subject);
  } catch (error) {
    throw asBrokerError(error, `stream ${RETRY_STREAM}`);
  }
}

/** The subjects of all that lies on the roads. */
export async function subjectsOnRoads({ jsm }: Connection): Promise<string[]> {
  try {
    const { state } = await jsm.streams.info(RETRY_STREAM, { subjects_filter: 'retry.>' });
    return Object.keys(state.subjects ?? {});
  } catch (error) {
    throw asBrokerError(error, `stream ${RETRY_STREAM}`);
  }
}

/** Puts events on the retry road, each once: its subject says which event it is and how often it has been there. */
export class NatsRetryRoad implements RetryRoad {
  constructor(private readonly connection: Connection) {}

  async park(event: ParkedEvent): Promise<void> {
    const { subject, ...headers } = roadMessage(event);
    try {
      await this.connection.js.publish(subject, event.payload, {
        headers: toHeaders(headers),
        expect: { lastSubjectSequence: 0 },
        timeout: TIMEOUT_MS,
      });
    } catch (error) {
      // It is there already: an earlier try stored it and did not live to say so.
      if (apiErrorCode(error) !== API_ERROR.wrongLastSequence) throw asBrokerError(error, `stream ${RETRY_STREAM}`);
    }
  }
}

/** An event as it lies on the road: its subject says which event it is and which stay there. */
export function roadMessage(event: ParkedEvent): { subject: string } & AllHeaders {
  const { plugin, handler, origin, past, subject, dueAtMs, headers, pass } = event;
  const road = `retry.${plugin}.${handler}.${origin.stream}.${origin.sequence}.${origin.storedAtMs}.${pass}`;
  const control: Record<string, string> = {
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
  return { subject: road, ...original, headers: { ...original.headers, ...control } };
}

/** A delivery from the retry road, which shows the event as it was when it came first. */
export class RoadDelivery extends WrappedDelivery {
  readonly dueAtMs: number;
  private readonly original: AllHeaders;
  private readonly of: { readonly subject: string; readonly origin: MessageRef; readonly past: Past };

  constructor(delivery: Delivery) {
    super(delivery);
    const headers = delivery.headers();
    const control = (name: string): string => headers[`${PREFIX}${name}`] ?? '';
    const [stream, sequence, storedAtMs] = JSON.parse(control('origin')) as [string, number, number];
    const past = JSON.parse(control('past')) as Past;
    this.of = { subject: control('subject'), origin: { stream, sequence, storedAtMs }, past };
    this.dueAtMs = Number(control('due'));
    const own = renameHeaders({ headers, repeated: delivery.repeatedHeaders() }, (name) => {
      if (name.startsWith(RENAMED)) return name.slice(RENAMED.length);
      return name.startsWith(PREFIX) || /^nats-/i.test(name) ? undefined : name;
    });
    const messageId = headers[`${PREFIX}msg-id`];
    this.original = messageId === undefined ? own : { ...own, headers: { ...own.headers, 'Nats-Msg-Id': messageId } };
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
