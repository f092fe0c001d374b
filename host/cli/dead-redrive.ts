import { JetplugError } from '../../sdk/internal';
import { HEADERS_LEFT_HEADER, keptHeaders } from '../broker/letter-headers';
import type { DurableSpec } from '../broker/durable';
import { retryQueueDurable } from '../broker/retry-queue';
import type { Connection } from '../nats/connection';
import { durablePosition, ensureDurable } from '../nats/consumers';
import type { StoredLetter } from '../nats/dead-letter-stream';
import { durablesOf } from '../nats/handler-durables';
import { readHeaders } from '../nats/headers';
import { ensureManagedStream } from '../nats/managed-stream';
import { NatsRetryQueue } from '../nats/retry-queue';
import { isOurs } from '../nats/stream-comparison';
import { findMessage } from '../nats/streams';
import { retryStream } from '../nats/wanted-streams';
import { redriven, summarise, type DeadLetterSummary } from '../ops/dead-letter-summary';
import type { LetterServices } from './dead-letters';

/**
 * Creates the stream of the retry queue and the retry durables of the letters' handlers, where they are missing. A host
 * that starts later finds by these durables which handlers have events to retry.
 */
export async function prepareRetries(
  letters: readonly DeadLetterSummary[],
  { connection, config }: LetterServices,
): Promise<void> {
  const retries = retryStream(config);
  const isThere = await isOurs(connection, retries, config.deploy);
  if (!isThere) await ensureManagedStream(connection, retries, config.deploy);
  const handlers = new Map(letters.map((letter) => [`${letter.plugin}.${letter.handler}`, letter]));
  for (const letter of handlers.values()) {
    const { plugin, handler } = letter;
    const durable = retryQueueDurable(plugin, handler, config.delivery.ackWaitMs, config.deploy.name);
    // An existing durable stays as it is, because the host that made it may have another config.
    const exists = await durablePosition(connection, durable.stream, durable.durable);
    if (exists) continue;
    const pausedWith = await ownDurable(letter, connection);
    await ensureDurable(connection, { ...durable, ...(pausedWith && { pausedWith }) });
  }
}

/** Finds the durable of the handler in the stream that its letter's event came from; undefined if it is gone. */
async function ownDurable(
  { plugin, handler, stream }: DeadLetterSummary,
  connection: Connection,
): Promise<DurableSpec['pausedWith']> {
  const durables = await durablesOf(connection, stream);
  const own = durables.find(({ config: { metadata } }) => {
    return metadata?.['jetplug.plugin'] === plugin && metadata['jetplug.handler'] === handler;
  });
  return own && { stream, durable: own.name };
}

/**
 * Puts the letter's event into the retry queue.
 * @returns false if the letter has been removed meanwhile
 * @throws JetplugError `JP_NOT_FOUND` when a part of the event is lost, or the server's refusal
 */
export async function redriveLetter(
  { id }: DeadLetterSummary,
  { stream, connection }: LetterServices,
): Promise<boolean> {
  const stored = await stream.get(id);
  if (!stored) return false;
  const complete = await withLeftParts(stored, connection);
  await new NatsRetryQueue(connection).defer(redriven(complete));
  return true;
}

/**
 * Completes a letter with the payload and the headers that were too large for it, which are read from the event's own
 * stream.
 * @throws JetplugError `JP_NOT_FOUND` when the event is no longer in its stream
 */
async function withLeftParts(letter: StoredLetter, connection: Connection): Promise<StoredLetter> {
  const leftPayload = letter.headers['x-payload-left-in-stream'] !== undefined;
  const leftHeaders = letter.headers[HEADERS_LEFT_HEADER] !== undefined;
  if (!leftPayload && !leftHeaders) return letter;
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
    payload: leftPayload ? message.data : letter.payload,
  };
}
