import { JetplugError } from '../../../sdk/internal';
import type { DurableSpec } from '../../broker/durable';
import { encodeHeader, HEADERS_LEFT_HEADER, keptHeaders } from '../../broker/letter-headers';
import type { DeferredEvent } from '../../broker/ports';
import { assertReadableDeferral, retryMessage, retryQueueDurable } from '../../broker/retry-queue';
import { RETRY_STREAM } from '../../broker/stream-state';
import type { Connection } from '../../nats/connection';
import { durablePosition, ensureDurable } from '../../nats/consumers';
import type { StoredLetter } from '../../broker/stored-letter';
import { findDurable } from '../../nats/find-durable';
import { durablesOf } from '../../nats/list-durables';
import { readHeaders } from '../../nats/headers';
import { ensureManagedStream } from '../../nats/managed-stream';
import { NatsRetryQueue } from '../../nats/retry-queue';
import { isOurs } from '../../nats/stream-comparison';
import { findMessage } from '../../nats/streams';
import { retryStream } from '../../nats/wanted-streams';
import { redriven, summarise, type DeadLetterSummary } from '../dead-letter-summary';
import { eachLetter, type ChangeWave } from './change-letters';
import type { LetterServices } from './letter-services';

/** Who has edited the payload at a redrive. */
const EDITED_HEADER = 'x-edited-by';
/** The handler that failed, as `plugin.handler`, if a redrive sent the event to another one. */
const REDIRECTED_HEADER = 'x-redirected-from';
const MAX_BY = 256;

/** A handler of a plugin. */
export interface HandlerName {
  readonly plugin: string;
  readonly handler: string;
}

export interface RedriveOptions {
  /** The handler that gets the events. Default: for each event, the one that failed. */
  readonly to?: HandlerName | undefined;
  /** A payload in place of the letter's own, and who wrote it. */
  readonly edited?: { readonly payload: Uint8Array; readonly by: string } | undefined;
}

/**
 * Creates the stream of the retry queue and the retry durables of the handlers that get the events, where they are
 * missing. A host that starts later finds by these durables which handlers have events to retry.
 */
export async function prepareRetries(
  letters: readonly DeadLetterSummary[],
  { connection, config }: LetterServices,
  { to }: RedriveOptions = {},
): Promise<void> {
  const retries = retryStream(config);
  const isThere = await isOurs(connection, retries, config.deploy);
  if (!isThere) await ensureManagedStream(connection, retries, config.deploy);
  const targets = letters.map(({ plugin, handler, stream }) => ({ plugin, handler, ...to, stream }));
  const handlers = new Map(targets.map((target) => [`${target.plugin}.${target.handler}`, target]));
  for (const target of handlers.values()) {
    const { plugin, handler } = target;
    const durable = retryQueueDurable(plugin, handler, config.delivery.ackWaitMs, config.deploy.name);
    // An existing durable stays as it is, because the host that made it may have another config.
    const exists = await durablePosition(connection, durable.stream, durable.durable);
    if (exists) continue;
    const pausedWith = await ownDurable(target, connection);
    await ensureDurable(connection, { ...durable, ...(pausedWith && { pausedWith }) });
  }
}

/** Finds the durable of the handler in the stream that its letter's event came from; undefined if it is gone. */
async function ownDurable(
  { plugin, handler, stream }: HandlerName & { readonly stream: string },
  connection: Connection,
): Promise<DurableSpec['pausedWith']> {
  const durables = await durablesOf(connection, stream);
  const own = durables.find(({ config: { metadata } }) => {
    return metadata?.['jetplug.plugin'] === plugin && metadata['jetplug.handler'] === handler;
  });
  return own && { stream, durable: own.name };
}

/**
 * Puts the letters' events into the retry queue. The result of a letter is false if it has been removed meanwhile, and
 * otherwise has a JetplugError: `JP_NOT_FOUND` when a part of the event is lost, `JP_LETTER_WAITS`, or the server's
 * refusal.
 */
export function redriveWave(services: LetterServices, options: RedriveOptions = {}): ChangeWave {
  return async (letters) => {
    let stored: ReadonlyMap<number, StoredLetter>;
    try {
      stored = await services.stream.getMany(letters.map(({ id }) => id));
    } catch (error) {
      return letters.map(() => ({ error }));
    }
    return eachLetter(async ({ id }) => {
      const letter = stored.get(id);
      if (!letter) return false;
      await redriveOne(letter, services.connection, options);
      return true;
    })(letters);
  };
}

async function redriveOne(letter: StoredLetter, connection: Connection, options: RedriveOptions): Promise<void> {
  const { to, edited } = options;
  const event = redriven(await withLeftParts(letter, connection, edited?.payload));
  const isRedirected = to !== undefined && (to.plugin !== event.plugin || to.handler !== event.handler);
  if (isRedirected) await takeBack(event, letter.id, connection);
  const isNew = await new NatsRetryQueue(connection).store({ ...event, ...to, headers: headersFor(event, options) });
  // Without an edit, the event that waits already is the same.
  if (!isNew && edited) throw waitsAlready(letter.id, event);
}

/** Returns the event's headers, with those that tell what was changed at the redrive. */
function headersFor(
  { headers, plugin, handler }: DeferredEvent,
  { to, edited }: RedriveOptions,
): DeferredEvent['headers'] {
  return {
    ...headers,
    ...(edited && { [EDITED_HEADER]: encodeHeader(edited.by, MAX_BY) }),
    ...(to && { [REDIRECTED_HEADER]: `${plugin}.${handler}` }),
  };
}

/**
 * Removes the event from the retry queue of the handler that failed, so that this handler does not get it too. It is
 * there if the letter was redriven before, and the handler has not been running since.
 * @throws JetplugError `JP_LETTER_WAITS` if the handler has been given the event
 */
async function takeBack(event: DeferredEvent, letter: number, connection: Connection): Promise<void> {
  const { subject } = retryMessage(event);
  const waiting = await findMessage(connection, RETRY_STREAM, { last_by_subj: subject }, `stream ${RETRY_STREAM}`);
  if (!waiting) return;
  const { durable } = retryQueueDurable(event.plugin, event.handler, 0, '');
  const own = await findDurable(connection, RETRY_STREAM, durable);
  if (own && own.delivered.stream_seq >= waiting.seq) throw waitsAlready(letter, event);
  assertReadableDeferral(readHeaders(waiting.header).headers);
  await connection.jsm.streams.deleteMessage(RETRY_STREAM, waiting.seq, false);
}

function waitsAlready(letter: number, { plugin, handler }: HandlerName): JetplugError {
  return new JetplugError(
    'JP_LETTER_WAITS',
    `the event of dead letter ${letter} was redriven before, and waits for ${plugin}.${handler}`,
  );
}

/**
 * Completes a letter with the payload and the headers that were too large for it, which are read from the event's own
 * stream.
 * @param payload in place of the letter's own
 * @throws JetplugError `JP_NOT_FOUND` when the event is no longer in its stream
 */
export async function withLeftParts(
  letter: StoredLetter,
  connection: Connection,
  payload?: Uint8Array,
): Promise<StoredLetter> {
  const leftPayload = payload === undefined && letter.headers['x-payload-left-in-stream'] !== undefined;
  const leftHeaders = letter.headers[HEADERS_LEFT_HEADER] !== undefined;
  if (!leftPayload && !leftHeaders) return { ...letter, payload: payload ?? letter.payload };
  const { stream, sequence } = summarise(letter);
  const message = await findMessage(connection, stream, { seq: sequence }, `stream ${stream}`);
  // If the stream was deleted and made again, the same sequence is another event.
  if (message?.time.getTime() !== Date.parse(letter.headers['x-original-time'] ?? '')) {
    throw new JetplugError('JP_NOT_FOUND', `the event of dead letter ${letter.id} is no longer in stream ${stream}`, {
      hint: 'Parts of the event were too large for the letter and are lost. Drop the letter with `dead drop`.',
    });
  }
  const kept = leftHeaders ? keptHeaders(readHeaders(message.header)) : letter;
  return {
    ...letter,
    headers: { ...kept.headers, ...letter.headers },
    repeated: kept.repeated,
    payload: leftPayload ? message.data : (payload ?? letter.payload),
  };
}
