import { JetplugError } from '../../../sdk/internal';
import { layOut } from '../../base/json-text';

/**
 * Checks the text of an edited payload, and returns its bytes without line breaks. Its fields are checked by the
 * handler's host, as those of every event.
 * @param file where the text stays if it is refused
 * @throws JetplugError `JP_EVENT_INVALID`
 */
export function payloadFor(text: string, maxBytes: number, file?: string): Uint8Array {
  const kept = file === undefined ? {} : { file, hint: 'The edited text is in this file.' };
  try {
    JSON.parse(text);
  } catch (cause) {
    const message = `the edited payload is not JSON: ${(cause as Error).message}`;
    throw new JetplugError('JP_EVENT_INVALID', message, { cause, ...kept });
  }
  const bytes = Buffer.from(layOut(text.trim()));
  if (bytes.length <= maxBytes) return bytes;
  const message = `the edited payload has ${bytes.length} bytes, more than delivery.maxPayload (${maxBytes})`;
  throw new JetplugError('JP_EVENT_INVALID', message, kept);
}
