import { randomUUID } from 'node:crypto';
import { EventBus, type Clock, type Publishable, type PublishOptions } from '../../sdk';
import { JetplugError, type Envelope, type EventContract } from '../../sdk/internal';
import { isPromise } from '../base/maybe-promise';
import { encodePayload } from '../message/codec';
import { utc } from '../message/decode';
import { derivedId } from '../message/outbox';
import type { Outgoing, OutgoingEvent } from '../broker/ports';
import { currentRun, type Run } from '../message/run';
import { emitHeadersOf } from '../message/trace-run';
import { checkFields, subjectOf } from './publishable';

const MAX_ID_BYTES = 256;

/**
 * The event bus of a plugin, or of a publisher outside a host. Within a handler it queues events; elsewhere it sends
 * them at once.
 */
export class JetStreamEventBus extends EventBus {
  constructor(
    private readonly outgoing: Outgoing,
    private readonly clock: Clock,
  ) {
    super();
  }

  async publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options: PublishOptions = {},
  ): Promise<string> {
    const run = currentRun('EventBus.publish', options.for);
    const subject = subjectOf(event);
    // The event's ordinal within the run is taken before the schema validates the fields, because the schema may be
    // asynchronous.
    const id = options.id ?? (run ? this.nextId(run, subject) : randomUUID());
    const checked = checkFields(event, subject, fields);
    // The event belongs to the part of the run in which the handler has called `publish`.
    const outbox = run?.outbox;
    const queue = async (): Promise<string> => {
      run?.assertLive('EventBus.publish');
      const outgoing = this.compose(subject, fields, id, options, run);
      if (outbox) outbox.push(outgoing);
      else await this.outgoing.send(outgoing);
      return id;
    };
    // With a synchronous schema the event is queued at once, so a handler that forgets to await `publish` loses no
    // event.
    if (!isPromise(checked)) return queue();
    const queued = checked.then(queue);
    return run ? run.takesEffectLater(queued) : queued;
  }

  private nextId(run: Run, subject: string): string {
    const ordinal = run.ordinals.get(subject) ?? 0;
    run.ordinals.set(subject, ordinal + 1);
    return derivedId(run, subject, ordinal);
  }

  private compose(
    subject: string,
    fields: unknown,
    id: string,
    options: PublishOptions,
    run: Run | undefined,
  ): OutgoingEvent {
    if (options.id !== undefined && !isEventId(id)) {
      throw new JetplugError(
        'JP_EVENT_INVALID',
        `${subject}: an event id is a string of 1–${MAX_ID_BYTES} bytes on one line`,
      );
    }
    const timestamp = options.timestamp === undefined ? this.clock.now().toISOString() : utc(options.timestamp);
    if (timestamp === undefined) {
      throw new JetplugError(
        'JP_EVENT_INVALID',
        `${subject}: the timestamp ${JSON.stringify(options.timestamp)} is not ISO 8601 with Z or an offset`,
      );
    }
    const envelope: Envelope = { event_type: subject, event_id: id, timestamp };
    const headers = run ? emitHeadersOf(run, id, subject) : NO_HEADERS;
    return { id, subject, payload: encodePayload(subject, withEnvelope(fields as object, envelope)), headers };
  }
}

const NO_HEADERS = {};

function isEventId(id: string): boolean {
  return id !== '' && Buffer.byteLength(id) <= MAX_ID_BYTES && !/[\r\n]/.test(id);
}

/**
 * Puts the envelope before the fields; no field replaces a member of the envelope. Spreading all into one literal takes
 * V8 four times as long.
 */
function withEnvelope(fields: object, envelope: Envelope): object {
  return Object.assign(new Flat(), envelope, fields, envelope);
}

/** An object of this class has no `__proto__` accessor, so a field of that name is a field. */
class Flat {}
Object.setPrototypeOf(Flat.prototype, null);
