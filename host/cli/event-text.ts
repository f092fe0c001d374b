import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { JetplugError, type EventContract } from '../../sdk/internal';
import { decode } from '../message/decode';
import type { PayloadLimits } from '../message/handler';
import type { Invalid } from '../message/outcome';
import type { OutgoingEvent } from '../broker/ports';
import { validate } from '../message/validate';
import { utf8 } from '../base/utf8';

/** Hints for events that fail before their fields are checked. */
const HINTS: Partial<Record<Invalid['reason'], string>> = {
  'invalid-json':
    'Give one JSON object, such as \'{"user_id":"u1"}\', in single quotes for the shell: its names and texts stand in double quotes.',
  'too-large': 'Publish less in one event, or raise delivery.maxPayload in the config of the hosts.',
  'too-deep': 'Nest less, or raise delivery.maxDepth in the config of the hosts.',
};

const LF = 10;
const CR = 13;

/**
 * Checks an event against its contract and the limits of the config, as the hosts will. The payload is sent as its
 * author wrote it; the hosts fill in the missing fields of the envelope.
 *
 * @param contract undefined: the fields are not checked
 * @throws JetplugError `JP_EVENT_INVALID`, `JP_NUMBER_INEXACT`
 */
export async function eventOf(
  bytes: Uint8Array,
  subject: string,
  contract: EventContract | undefined,
  limits: PayloadLimits,
): Promise<OutgoingEvent> {
  const ownId = { 'Nats-Msg-Id': randomUUID() };
  const received = {
    subject,
    size: bytes.length,
    text: () => utf8(bytes),
    origin: { stream: '-', sequence: 1, storedAtMs: Date.now() },
    header: () => undefined,
    headers: () => ownId,
  };
  const result = await validate(decode(received, limits), contract);
  if (result.kind === 'invalid') {
    const code = result.reason === 'inexact-number' ? 'JP_NUMBER_INEXACT' : 'JP_EVENT_INVALID';
    throw new JetplugError(code, result.error.message, { hint: HINTS[result.reason] });
  }
  const { event_type: type, event_id: id } = result.decoded.envelope;
  if (type !== subject) {
    throw new JetplugError('JP_EVENT_INVALID', `event_type is ${JSON.stringify(type)}, the subject is ${subject}`);
  }
  if (/[\r\n]/.test(id)) throw new JetplugError('JP_EVENT_INVALID', `${subject}: an event_id has no line breaks`);
  return { id, subject, payload: utf8(bytes), headers: {} };
}

/**
 * Yields the lines of a file that are not empty, each with its number from 1. A line is bytes, because decoding would
 * replace invalid UTF-8.
 */
export async function* linesOf(file: string): AsyncGenerator<{ bytes: Buffer; line: number }> {
  let line = 0;
  for await (const bytes of allLines(file)) {
    line++;
    if (bytes.toString('latin1').trim() !== '') yield { bytes, line };
  }
}

export async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Yields the lines without their line breaks, of Unix or of Windows. */
async function* allLines(file: string): AsyncGenerator<Buffer> {
  const parts: Buffer[] = [];
  const whole = (last: Buffer): Buffer => {
    const line = parts.length > 0 ? Buffer.concat([...parts.splice(0), last]) : last;
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  };
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
        yield whole(chunk.subarray(from, end));
        from = end + 1;
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
    }
  } catch (cause) {
    throw new JetplugError('JP_USAGE', `cannot read ${file}: ${(cause as Error).message}`, { file, cause });
  }
  if (parts.length > 0) yield whole(Buffer.alloc(0));
}
