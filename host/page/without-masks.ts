import { payloadFor } from '../ops/letters/edited-payload';
import { unmasked } from '../ops/secrets';

/**
 * Returns the payload that an edited text means. The page shows secrets masked, so the masks that the editor has left
 * become the values of the original again.
 * @throws JetplugError if the text is no JSON, or the payload is too large
 */
export function withoutMasks(text: string, original: Uint8Array, maxBytes: number): Uint8Array {
  const edited: unknown = JSON.parse(Buffer.from(payloadFor(text, Infinity)).toString());
  return payloadFor(JSON.stringify(unmasked(edited, valueOf(original))), maxBytes);
}

function valueOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined; // A payload that is not JSON was not shown.
  }
}
