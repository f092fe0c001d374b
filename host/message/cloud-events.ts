import type { Envelope } from '../../sdk/internal';
import type { Delivery } from './delivery';
import { invalid, type Invalid } from './outcome';

/** An event in CloudEvents form, by the NATS binding of the specification (1.0.3). */
export interface CloudEvent {
  readonly attributes: Partial<Envelope>;
  readonly data: Record<string, unknown>;
}

/** Reads a CloudEvent in structured or binary mode; nothing where the message is not one. */
export function readCloudEvent(
  message: Pick<Delivery, 'header'>,
  body: Record<string, unknown>,
): CloudEvent | Invalid | undefined {
  const type = message.header('content-type')?.toLowerCase();
  if (type?.startsWith('application/cloudevents-batch')) {
    return invalid('invalid-envelope', 'a batch of CloudEvents; the NATS binding has no batch mode');
  }
  if (type?.startsWith('application/cloudevents')) return readStructured(body);
  return message.header('ce-specversion') === undefined ? undefined : readBinary(message, body);
}

function readStructured(body: Record<string, unknown>): CloudEvent | Invalid {
  const { specversion, data } = body;
  if (typeof specversion !== 'string') return invalid('invalid-envelope', 'a CloudEvent without specversion');
  if (typeof body['data_base64'] === 'string') {
    return invalid('invalid-envelope', 'the CloudEvent has data_base64; its data must be a JSON object');
  }
  return complete({ type: body['type'], id: body['id'], time: body['time'] }, data);
}

function readBinary(message: Pick<Delivery, 'header'>, body: Record<string, unknown>): CloudEvent | Invalid {
  const attribute = (name: string) => percentDecode(message.header(`ce-${name}`));
  return complete({ type: attribute('type'), id: attribute('id'), time: attribute('time') }, body);
}

function complete(attributes: { type: unknown; id: unknown; time: unknown }, data: unknown): CloudEvent | Invalid {
  const { type, id, time } = attributes;
  for (const [name, value] of Object.entries({ type, id })) {
    if (typeof value !== 'string' || value === '') return invalid('invalid-envelope', `the CloudEvent has no ${name}`);
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return invalid('invalid-envelope', 'the data of the CloudEvent is not a JSON object');
  }
  const envelope = { event_type: type, event_id: id, ...(time === undefined ? {} : { timestamp: time }) };
  return { attributes: envelope as Partial<Envelope>, data: data as Record<string, unknown> };
}

/** Header values percent-encode what is not printable ASCII; a stray percent sign stands for itself. */
function percentDecode(value: string | undefined): string | undefined {
  if (!value?.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
